// Makes the C++ that hls4ml generated an engine that takes fault lists.
//
// A generated file includes hls4ml's own project source and then, for top function F with input type X
// of N elements, output type Y of M elements and weight arrays a, b, ..., defines functions P_load, P_read,
// P_flip and P_run:
//
//     #include "netsurf_csim_weights.h"          // before hls4ml's source: where its weight files are
//     #include "firmware/myproject.cpp"
//     #include "netsurf_csim.h"
//     NETSURF_CSIM(P, F, X, N, Y, M, NETSURF_TENSOR(a) NETSURF_TENSOR(b))
//
// Everything crosses the border as int64 codes, the integers that hardware stores: no floating point.

#ifndef NETSURF_CSIM_H_
#define NETSURF_CSIM_H_

#include <cstdint>
#include <pthread.h>
#include <vector>

namespace netsurf {

// The code of an ap_fixed or ap_int object, sign or zero extended, and back. `V` is the bit pattern.
template <class T> inline int64_t code(const T &element) { return static_cast<int64_t>(element.V); }
template <class T> inline void set_code(T &element, int64_t value) { element.V = value; }

// A weight array behind a type-free face.
struct Tensor {
    void *data;
    int64_t size;
    int64_t (*get)(void *, int64_t);
    void (*set)(void *, int64_t, int64_t);
};

template <class T, std::size_t N> Tensor tensor(T (&array)[N]) {
    return {array, static_cast<int64_t>(N),
            [](void *data, int64_t i) { return code(static_cast<T *>(data)[i]); },
            [](void *data, int64_t i, int64_t value) { set_code(static_cast<T *>(data)[i], value); }};
}

// The stored words of all tensors, numbered one after the other.
class Store {
  public:
    explicit Store(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}

    int64_t size() const {
        int64_t total = 0;
        for (const Tensor &t : tensors_) total += t.size;
        return total;
    }

    // Upsets (or restores: it is its own inverse) the bits of a mask in one word.
    void flip(int64_t word, int64_t mask) {
        const Tensor &t = locate(word);
        t.set(t.data, word, t.get(t.data, word) ^ mask);
    }

    void read(int64_t *codes) {
        for (const Tensor &t : tensors_)
            for (int64_t i = 0; i < t.size; i++) *codes++ = t.get(t.data, i);
    }

  private:
    // The tensor that holds a word; `word` becomes its index there.
    const Tensor &locate(int64_t &word) {
        std::size_t i = 0;
        while (word >= tensors_[i].size) word -= tensors_[i++].size;
        return tensors_[i];
    }

    std::vector<Tensor> tensors_;
};

// One sample: codes in, codes out.
template <class X, std::size_t N, class Y, std::size_t M>
void infer(void (*top)(X *, Y *), const int64_t *input, int64_t *output) {
    X x[N];
    Y y[M];
    for (std::size_t i = 0; i < N; i++) set_code(x[i], input[i]);
    top(x, y);
    for (std::size_t i = 0; i < M; i++) output[i] = code(y[i]);
}

// hls4ml keeps every tensor and every product of a layer on the stack: more than a thread has by default.
constexpr std::size_t stack_bytes = std::size_t(1) << 29; // address space; pages are taken when touched

// Calls `work` with a large stack, and waits; on the caller's stack if there is no address space for it.
template <class F> void with_large_stack(F work) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    auto run = [](void *it) -> void * { return (*static_cast<F *>(it))(), nullptr; };
    const bool started = pthread_create(&thread, &attributes, run, &work) == 0;
    pthread_attr_destroy(&attributes);
    started ? static_cast<void>(pthread_join(thread, nullptr)) : work();
}

} // namespace netsurf

#define NETSURF_TENSOR(array) netsurf::tensor(array),

#define NETSURF_CSIM(PREFIX, TOP, X, N, Y, M, TENSORS)                                                          \
    static netsurf::Store netsurf_store({TENSORS});                                                             \
                                                                                                                \
    extern "C" {                                                                                                \
                                                                                                                \
    /* Lets hls4ml load its weights from `folder`, by running it once; returns the number of words. */          \
    int64_t PREFIX##_load(const char *folder) {                                                                 \
        netsurf_weights = folder;                                                                               \
        static const int64_t zeros[N] = {};                                                                     \
        int64_t ignored[M];                                                                                     \
        netsurf::with_large_stack([&] { netsurf::infer<X, N, Y, M>(TOP, zeros, ignored); });                    \
        return netsurf_store.size();                                                                            \
    }                                                                                                           \
                                                                                                                \
    /* Codes of all stored words. */                                                                            \
    void PREFIX##_read(int64_t *codes) { netsurf_store.read(codes); }                                           \
                                                                                                                \
    /* Upsets bits that stay upset. */                                                                          \
    void PREFIX##_flip(int64_t word, int64_t mask) { netsurf_store.flip(word, mask); }                          \
                                                                                                                \
    /* Fault f upsets words[offsets[f]..offsets[f+1]) by their masks, runs k samples, and is undone. */         \
    void PREFIX##_run(int64_t faults, const int64_t *offsets, const int64_t *words, const int64_t *masks,       \
                     int64_t k, const int64_t *samples, const int64_t *inputs, int64_t *outputs) {              \
        netsurf::with_large_stack([=] {                                                                         \
            for (int64_t f = 0; f < faults; f++) {                                                              \
                for (int64_t i = offsets[f]; i < offsets[f + 1]; i++) netsurf_store.flip(words[i], masks[i]);   \
                for (int64_t s = f * k; s < (f + 1) * k; s++)                                                   \
                    netsurf::infer<X, N, Y, M>(TOP, inputs + samples[s] * N, outputs + s * M);                  \
                for (int64_t i = offsets[f]; i < offsets[f + 1]; i++) netsurf_store.flip(words[i], masks[i]);   \
            }                                                                                                   \
        });                                                                                                     \
    }                                                                                                           \
    }

#endif
