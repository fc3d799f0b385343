# Runs the official interop server of the grpc gem on a free port of the loopback interface and prints which; on its own it
# would take a given port of every interface.
require 'grpc'

module LoopbackOnly
  def add_http2_port(_address, credentials)
    port = super('127.0.0.1:0', credentials)
    $stdout.puts "listening on 127.0.0.1:#{port}"
    $stdout.flush
    port
  end
end

GRPC::RpcServer.prepend(LoopbackOnly)
ARGV.replace(%w[--port 0])
load File.join(Gem::Specification.find_by_name('grpc').gem_dir, 'src/ruby/pb/test/server.rb')
