/// 128-bit integers, for products of 64-bit ones. An extension that g++ and clang share; only this header
/// names it.
#pragma once

namespace ppsim {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

}  // namespace ppsim
