// Work that many threads share.
#pragma once

#include <cstddef>
#include <functional>

namespace ppsim {

/// Calls body(0) .. body(count - 1), handed out in this order to `threads` threads (0: as many as the machine
/// has). Each thread makes a body of its own first, which may keep memory from call to call. Where calls
/// throw, what the lowest of them threw is thrown on, so that an error too is the same for any number of
/// threads.
void for_each_index(std::size_t count, unsigned threads,
                    const std::function<std::function<void(std::size_t)>()>& make_body);

}  // namespace ppsim
