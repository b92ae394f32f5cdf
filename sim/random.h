// SPDX-License-Identifier: Apache-2.0
//
// Random numbers of the simulation harnesses: the same for a seed on every machine.
#ifndef RTL4ML_RANDOM_H
#define RTL4ML_RANDOM_H

#include <cstdint>

class Random {  // SplitMix64, after Steele et al. (2014)
  public:
    explicit Random(uint64_t seed) : state(seed) {}
    uint64_t next() {
        uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    uint64_t below(uint64_t n) { return next() % n; }

  private:
    uint64_t state;
};

#endif
