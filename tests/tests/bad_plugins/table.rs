//! Which check finds which mistake, and in which words.

/// A mistake, the check that fails for it, and words of its message.
pub struct Row {
    /// As `tests/bad-plugins` names it.
    pub mistake: &'static str,
    /// The check's id.
    pub check: &'static str,
    /// A part of the message.
    pub words: &'static str,
}

const fn row(mistake: &'static str, check: &'static str, words: &'static str) -> Row {
    Row {
        mistake,
        check,
        words,
    }
}

/// Mistakes of libraries that cannot be opened, with words of the refusal.
pub const AT_OPENING: &[(&str, &str)] = &[
    ("exits-when-opened", "exit code 0 before it answered"),
    ("aborts-when-opened", "signal 6 (SIGABRT)"),
    (
        "lists-nothing",
        "found none: expected a framework in the list of `hello`",
    ),
];

/// Mistakes that a check finds.
pub const TABLE: &[Row] = &[
    // Opening.
    row(
        "refers-to-nothing",
        "symbols-resolve",
        "ssl_no_such_function",
    ),
    row("slow-to-open", "opens-in-time", "within 5 s"),
    row("second-libtorch", "one-libtorch", "second/libtorch_cpu.so"),
    row(
        "changes-folder",
        "loading-changes-nothing",
        "the working folder",
    ),
    row("changes-locale", "loading-changes-nothing", "the locale"),
    row(
        "catches-signals",
        "loading-changes-nothing",
        "the handlers of signals",
    ),
    row(
        "switches-gradients-off",
        "loading-changes-nothing",
        "gradient mode",
    ),
    row(
        "sets-threads",
        "loading-changes-nothing",
        "number of threads",
    ),
    row("seeds-when-opened", "loading-changes-nothing", "generator"),
    row("prints-when-opened", "loading-prints-nothing", "hello"),
    row(
        "leaves-out-a-framework",
        "nothing-is-refused",
        "1 refused: other: expected a licence",
    ),
    // What it says about itself.
    row("evil-id", "id-is-plain", "../x"),
    row("lists-itself-twice", "id-is-plain", "found it 2 times"),
    row("no-licence", "metadata-is-whole", "license"),
    row(
        "bare-key",
        "keys-are-documented",
        "`width`: expected a source",
    ),
    row("default-out-of-range", "defaults-are-in-range", "`gain`"),
    row("takes-any-id", "unknown-ids-are-refused", "to be refused"),
    row("counts-descriptions", "describe-is-pure", "found another"),
    row("unused-view", "description-is-consistent", "view 2 unused"),
    row("a-billion-views", "sizes-are-bounded", "1000000000"),
    row("endless-description", "sizes-are-bounded", "bytes"),
    // Its configuration.
    row(
        "range-is-too-wide",
        "configurations-in-range-work",
        "this kind does not work",
    ),
    row("overflows-at-the-bound", "bounds-are-survived", "overflow"),
    row(
        "takes-anything",
        "values-out-of-range-are-refused",
        "found it taken",
    ),
    row("mute-refusal", "refusals-name-the-key", "that is wrong"),
    // Its life.
    row("exits", "it-trains", "exit code 0"),
    row("aborts", "it-trains", "signal 6 (SIGABRT)"),
    row("segfaults", "it-trains", "signal 11 (SIGSEGV)"),
    row("hangs", "it-trains", "no answer within 10 seconds"),
    row("allocates-without-end", "it-trains", "ended"),
    row("throws", "it-trains", "signal 6 (SIGABRT)"),
    row(
        "default-fails",
        "it-works-at-its-defaults",
        "this is too wide",
    ),
    row(
        "takes-a-view-less",
        "odd-orders-are-survived",
        "with 1 of 2 features",
    ),
    row(
        "shares-its-mean",
        "instances-are-independent",
        "without another instance",
    ),
    row(
        "release-needs-a-step",
        "unused-instances-end",
        "signal 6 (SIGABRT)",
    ),
    row(
        "counts-by-thread",
        "any-thread-may-call",
        "from another thread",
    ),
    row(
        "cancel-is-internal",
        "cancelling-is-heard",
        "something went wrong",
    ),
    row(
        "releases-twice",
        "tensors-are-released-once",
        "online.0 released 2 times",
    ),
    row(
        "never-releases",
        "tensors-are-released-once",
        "online.0 released 0 times",
    ),
    row(
        "keeps-what-it-released",
        "released-memory-is-not-read",
        "after its release",
    ),
    row("seeds", "work-changes-nothing", "libtorch's own seed"),
    row("prints", "work-prints-nothing", "loss: 1"),
    row("forks", "no-process-is-left", "one that the plugin started"),
    row("leaks", "a-thousand-steps-do-not-grow", "bytes a step"),
    // Its mathematics.
    row(
        "no-number-in-a-gradient",
        "outputs-fit",
        "gradient of projector.weight",
    ),
    row(
        "wrong-dtype",
        "outputs-fit",
        "online.1 in f32, found Double",
    ),
    row(
        "wrong-shape",
        "outputs-fit",
        "expected the gradient of feature 0 of shape",
    ),
    row(
        "wrong-parameter-shape",
        "outputs-fit",
        "the gradient of projector.weight of shape",
    ),
    row("target-gradient", "targets-get-no-gradient", "target.0"),
    row("detached", "every-feature-learns", "online.0, online.1"),
    row(
        "gradient-of-zeros",
        "every-feature-learns",
        "does not train",
    ),
    row("idle-parameter", "every-parameter-learns", "projector.bias"),
    row(
        "hands-out-copies",
        "parameters-are-the-weights",
        "projector.weight",
    ),
    row("writes-into-inputs", "inputs-stay-untouched", "online.0"),
    row(
        "wrong-scale",
        "feature-gradients-are-slopes",
        "the scale is wrong",
    ),
    row(
        "wrong-sign",
        "feature-gradients-are-slopes",
        "the sign is wrong",
    ),
    row(
        "missing-term",
        "feature-gradients-are-slopes",
        "a term is missing",
    ),
    row(
        "wrong-parameter-scale",
        "parameter-gradients-are-slopes",
        "the scale is wrong",
    ),
    row(
        "negated-loss",
        "loss-falls-along-the-gradient",
        "against the gradient",
    ),
    row(
        "wrong-sign",
        "loss-falls-along-the-gradient",
        "against the gradient",
    ),
    row(
        "detached",
        "loss-falls-along-the-gradient",
        "does not train",
    ),
    row("draws-from-the-clock", "same-seed-same-bytes", "twice"),
    row(
        "ignores-the-seed",
        "another-seed-starts-elsewhere",
        "the same projector.weight for two seeds",
    ),
    row(
        "counts-its-calls",
        "call-count-does-not-matter",
        "1 steps more",
    ),
    row(
        "weighs-by-place",
        "batch-order-does-not-matter",
        "order of the samples",
    ),
    row(
        "no-number-for-one-sample",
        "odd-batches-work",
        "a batch of 1",
    ),
    row(
        "overflows",
        "extreme-scales-are-survived",
        "features times 1e4",
    ),
    row(
        "divides-by-spread",
        "constant-features-are-survived",
        "the same feature",
    ),
    row(
        "skips-what-is-no-number",
        "a-row-without-numbers-is-refused",
        "online.0",
    ),
    // Its state.
    row(
        "two-of-one-name",
        "names-are-unique",
        "two tensors named `projector.weight`",
    ),
    row(
        "moves-a-parameter",
        "moves-are-declared",
        "projector.weight moved",
    ),
    row(
        "replaces-a-weight",
        "updates-stay-in-place",
        "projector.weight moved",
    ),
    row("leaves-out-state", "resume-is-exact", "from its checkpoint"),
    row(
        "ignores-what-it-loads",
        "load-takes-everything",
        "as it was loaded",
    ),
    row(
        "takes-foreign-state",
        "foreign-state-is-refused",
        "found it taken",
    ),
    row(
        "loads-half",
        "load-is-all-or-nothing",
        "expected nothing to change",
    ),
    // Its ranks.
    row("local-statistics", "ranks-equal-the-whole", "on 2 ranks"),
    row(
        "a-rank-leaves-out-a-collective",
        "collectives-agree",
        "the same collectives",
    ),
    // What it teaches.
    row("negated-objective", "a-backbone-learns", "expected"),
    row("wrong-sign", "a-backbone-learns", "more than before"),
    row(
        "gradient-of-zeros",
        "a-backbone-learns",
        "the backbone does not train",
    ),
];
