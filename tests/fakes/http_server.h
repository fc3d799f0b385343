// An HTTP/1.1 server on loopback for tests.
#ifndef SALLYPORT_TESTS_FAKES_HTTP_SERVER_H_
#define SALLYPORT_TESTS_FAKES_HTTP_SERVER_H_

#include <functional>
#include <map>
#include <string>
#include <thread>

namespace sallyport::testing {

struct ReceivedRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Takes one connection at a time and one request on each, on a thread of its own.
class HttpServer {
 public:
  // What goes back over the wire, status line and all; nothing closes the connection.
  using Handler = std::function<std::string(const ReceivedRequest&)>;

  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "http://127.0.0.1:<port>"
  const std::string& url() const { return url_; }

 private:
  void Run();
  void Serve(int connection);

  const Handler handler_;
  int listener_ = -1;
  std::string url_;
  std::thread thread_;
};

// A whole answer.
std::string HttpAnswer(const std::string& status, const std::string& body, const std::string& headers = "");

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_HTTP_SERVER_H_
