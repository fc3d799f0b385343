# A server or caller by ruby-grpc in its default settings, which echoes a stream. What it does: see silence_test.js.
#
#     peer.rb server
#     peer.rb caller ADDRESS silent|pinging|idle
require 'grpc'

METHOD = 'sallyport.benchmark.Echo/Stream'
MESSAGE = "\x0a\x01a".b

# Messages as they come.
Bytes = Struct.new(:bytes) do
  def self.encode(message) = message.bytes
  def self.decode(bytes) = new(bytes)
end

class Echo
  include GRPC::GenericService
  self.service_name = 'sallyport.benchmark.Echo'
  self.marshal_class_method = :encode
  self.unmarshal_class_method = :decode
  rpc :Stream, stream(Bytes), stream(Bytes)

  def stream(requests, _call) = requests
end

def serve
  server = GRPC::RpcServer.new
  puts "listening on 127.0.0.1:#{server.add_http2_port('127.0.0.1:0', :this_port_is_insecure)}"
  $stdout.flush
  server.handle(Echo)
  server.run_till_terminated
end

class Stream
  def initialize(stub)
    @requests = Queue.new
    sent = Enumerator.new { |out| while (message = @requests.pop) do out << message end }
    @responses = Queue.new
    received = stub.bidi_streamer("/#{METHOD}", sent, :itself.to_proc, :itself.to_proc)
    @reader = Thread.new do
      received.each { |message| @responses << message }
      @responses << :end
    rescue GRPC::BadStatus => e
      @responses << e
    end
  end

  def ask
    @requests << MESSAGE
    answer(MESSAGE)
  end

  def end
    @requests << nil
    answer(:end)
  end

  private

  def answer(wanted)
    got = @responses.pop
    raise "not an answer: #{got.inspect}" unless got == wanted
  end
end

def call(address, kind)
  args = {}
  args['grpc.keepalive_time_ms'] = 10_000 if kind != 'silent'
  args.merge!('grpc.keepalive_permit_without_calls' => 1, 'grpc.http2.max_pings_without_data' => 0) if kind == 'idle'
  stub = GRPC::ClientStub.new(address, :this_channel_is_insecure, channel_args: args)
  stream = Stream.new(stub)
  stream.ask
  stream.end if kind == 'idle'
  puts 'open'
  $stdout.flush
  $stdin.gets
  stream = Stream.new(stub) if kind == 'idle'
  stream.ask
  stream.end
  puts 'answered'
end

ARGV[0] == 'server' ? serve : call(ARGV[1], ARGV[2])
