#include "replay/virtual_step.hpp"

namespace ppsim {
namespace {

// Clocks are small; more of them under way spare turns of the processor.
constexpr std::uint32_t kVirtualReceivesAhead = 16;

}  // namespace

VirtualStep::VirtualStep(const RankProgram& program, Transport& transport, Time patience)
    : StepRun(program, transport, patience, kVirtualReceivesAhead),
      sent_(program.sends.size()),
      received_(program.receives.size()),
      served_(program.services.size()) {}

void VirtualStep::start(std::uint32_t vertex, Time at) {
  times_.start[vertex] = at;
  times_.finish[vertex] = at + program_.durations[vertex];
  started_.push_back(vertex);
}

Time VirtualStep::advance() {
  while (!started_.empty()) {
    const std::uint32_t vertex = started_.back();
    started_.pop_back();
    run_.finish(vertex, times_.finish[vertex]);
  }
  return Time::max();
}

void VirtualStep::depart(std::uint32_t send, Time ready) {
  times_.departure[send] = ready;
  sent_[send] = ready.count();
  post_send(send, std::as_bytes(std::span(&sent_[send], 1)));
  run_.sent(send, ready + program_.sends[send].transmission);
}

void VirtualStep::arrive(std::uint32_t receive) {
  const Message& message = program_.receives[receive];
  times_.arrival[receive] = Time(received_[receive]) + message.transmission + message.latency;
  run_.arrived(receive, times_.arrival[receive]);
}

std::span<std::byte> VirtualStep::receive_buffer(std::uint32_t receive) {
  return std::as_writable_bytes(std::span(&received_[receive], 1));
}

std::span<std::byte> VirtualStep::request_buffer(std::uint32_t service) {
  return std::as_writable_bytes(std::span(&served_[service], 1));
}

// The clock that came: a partner's own time plays no part.
std::span<const std::byte> VirtualStep::answer(std::uint32_t service) {
  return request_buffer(service);
}

}  // namespace ppsim
