# The soak's callers with ruby-grpc, as it is out of the box.
#
# usage: ruby_load.rb ADDRESS LEDGER CALLS_A_SECOND     until SIGTERM; prints "over" then
require 'grpc'
require 'json'
require 'securerandom'

DEADLINE_SECONDS = 10
THREADS = 8
METHODS = %w[Unary ClientStream ServerStream Bidi].freeze
AS_IT_IS = :itself.to_proc

# sallyport.soak.Blob on the wire.
def blob(bytes)
  length = []
  left = bytes.bytesize
  while left > 127
    length << (left & 127 | 128)
    left >>= 7
  end
  "\n".b + [*length, left].pack('C*') + bytes
end

class Load
  def initialize(address, ledger, rate)
    config = ENV['SOAK_SERVICE_CONFIG']
    args = config ? { 'grpc.service_config' => config } : {}
    @stub = GRPC::ClientStub.new(address, :this_channel_is_insecure, channel_args: args)
    @ledger = ledger
    @pause = THREADS / rate
    @lock = Mutex.new
  end

  def run
    @ending = false
    trap('TERM') { @ending = true }
    Array.new(THREADS) { Thread.new { work } }.each(&:join)
  end

  private

  # Calls at the times at which they are due, as far as one after the other can.
  def work
    due = now + rand * @pause
    until @ending
      wait = due - now
      sleep(wait) if wait.positive?
      due = [due, now - 1].max + @pause
      make
    end
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def make
    trace = SecureRandom.hex(16)
    method = METHODS.sample
    requests = Array.new(%w[ClientStream Bidi].include?(method) ? 3 : 1) { trace.b + Random.bytes(16 + rand(500)) }
    expected = { 'Unary' => requests, 'ServerStream' => requests * 3, 'Bidi' => requests, 'ClientStream' => [requests.join] }[method]
    began = now
    answers = []
    status, told = ask(method, requests, "00-#{trace}-#{SecureRandom.hex(8)}-01", answers)
    fitting = answers == expected.first(answers.size).map { |each| blob(each) }
    note(trace: trace, method: method, status: status, message: told, exact: false, at: (Time.now.to_f * 1000).round,
         right: fitting && (status != 0 || answers.size == expected.size), milliseconds: ((now - began) * 1000).round)
  end

  def ask(method, requests, traceparent, answers)
    path = "/sallyport.soak.Soak/#{method}"
    messages = requests.map { |each| blob(each) }
    options = { deadline: Time.now + DEADLINE_SECONDS, metadata: { 'traceparent' => traceparent } }
    case method
    when 'Unary' then answers << @stub.request_response(path, messages[0], AS_IT_IS, AS_IT_IS, **options)
    when 'ClientStream' then answers << @stub.client_streamer(path, messages, AS_IT_IS, AS_IT_IS, **options)
    when 'ServerStream' then @stub.server_streamer(path, messages[0], AS_IT_IS, AS_IT_IS, **options).each { |each| answers << each }
    else @stub.bidi_streamer(path, messages, AS_IT_IS, AS_IT_IS, **options).each { |each| answers << each }
    end
    [0, nil]
  rescue GRPC::BadStatus => e
    [e.code, words(e.details)]
  rescue GRPC::Core::CallError => e # what the library does on some streams that break
    [nil, words(e.message)]
  end

  def words(text) = text.to_s.encode('US-ASCII', invalid: :replace, undef: :replace)

  def note(line) = @lock.synchronize { @ledger.write("#{line.to_json}\n") }
end

address, path, rate = ARGV
File.open(path, 'a') do |ledger|
  ledger.sync = true
  Load.new(address, ledger, rate.to_f).run
end
puts 'over'
$stdout.flush
