# Runs the official interop client of the grpc gem: interop_client.rb --server_host=H --server_port=P --test_case=C.
# With --list it prints the test cases the client offers instead.
require 'grpc'

client = File.join(Gem::Specification.find_by_name('grpc').gem_dir, 'src/ruby/pb/test/client.rb')
if ARGV == ['--list']
  load client
  puts NamedTests.instance_methods(false).map(&:to_s).reject { |name| name == 'all' || name.start_with?('assert') }
else
  load client
  main
end
