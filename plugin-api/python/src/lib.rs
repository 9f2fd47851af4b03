//! Frameworks written in Python, as an ordinary plugin.
//!
//! Each instance is a process of its own (the *worker*) with the author's interpreter and torch. Tensors lie in one
//! shared memory, which both sides map; requests and answers are JSON over a socket. The library links no tensor
//! library, so host and author need not share a version of one.
//!
//! - `interpreter`: which Python
//! - `catalogue`, `cache`: which frameworks, and what is remembered of them so that listing does not import torch
//! - `worker`, `frame`, `memory`, `death`: one process, its messages, its memory, its end
//! - `framework`, `instance`, `services`: the boundary's traits, answered by a worker
//!
//! The Python side is the package `ssl_lottery` beside this crate; [the guide](../../../docs/python.md) is for authors.

mod cache;
mod catalogue;
mod death;
mod frame;
mod framework;
mod instance;
mod interpreter;
mod memory;
mod services;
mod worker;

ssl_plugin_api::export_plugin!(catalogue::frameworks, remarks: catalogue::remarks);
