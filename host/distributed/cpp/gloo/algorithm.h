// libtorch's header asks for this file; nothing in it is used.
#pragma once
