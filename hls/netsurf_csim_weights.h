// Included before hls4ml's source, compiled with -DWEIGHTS_DIR=netsurf_weights: hls4ml's loader then reads
// its weight files from where they are now, not from where they were when it was compiled.

#ifndef NETSURF_CSIM_WEIGHTS_H_
#define NETSURF_CSIM_WEIGHTS_H_

static const char *netsurf_weights = ".";

#endif
