//! What crosses modules: the real program against real files, sockets and windows.

mod train;
