// Whether the connection of a call that was cut is still there.
#ifndef SALLYPORT_GATEWAY_LISTENER_CONNECTION_STATE_H_
#define SALLYPORT_GATEWAY_LISTENER_CONNECTION_STATE_H_

namespace sallyport::gateway {

enum class ConnectionState {
  kUnknown,
  kThere,   // the peer has it open, and was heard of just now
  kClosed,  // by the peer, by the library, or broken
  kSilent,  // open, and nothing has come from the peer for a while
};

// What the kernel says of a connected TCP or UNIX socket. To be asked when the library reports that a call was
// cancelled, which is all it reports: that a caller took its call back, that its connection broke and that it no longer
// answers pings look the same. The socket tells them apart. A cancel is a frame that has just come over an open
// connection; the end of a connection is in the socket before the library can have read of it; and where pings go
// unanswered, nothing has come for at least as long as the answer may take (a second or more).
//
// Who cancels and closes the connection at once may be taken for one whose connection broke: it has. On UNIX sockets
// there is no time of the last byte, and a peer that is silent is kThere.
ConnectionState StateOfSocket(int socket);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_CONNECTION_STATE_H_
