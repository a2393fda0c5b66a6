// ns_mac: N_OUT accumulators; N_IN inputs times N_IN x N_OUT weights are added in one cycle.
//
//   if (first_i) acc[j] = bias[j]
//   for every input k, in order:  acc[j] = fit(acc[j] + fit(x[k] * w[k][j]))
//
// where fit() assigns to the accumulator's format. If the accumulator wraps and holds every bit of a
// product, the order does not matter and this is a plain multiply-add array; otherwise it is a chain
// of ns_mac_step. Weight w[k][j] is w_i[(k*N_OUT+j)*W_W +: W_W].
//
// Latency    1; nothing changes while en_i is low. No reset: the first input of a sample starts afresh.
module ns_mac #(
    parameter N_IN = 1,                                  // inputs a cycle
    parameter N_OUT = 4,                                 // outputs
    parameter X_LANES = 1,                               // numbers of an input: 1 for all outputs, or N_OUT, one each
    parameter X_W = 8,                                   // input: bits,
    parameter X_SIGNED = 0,                              //   two's complement
    parameter W_W = 6,                                   // weight: the same
    parameter W_SIGNED = 1,
    parameter PRODUCT_F = 13,                            // fractional bits of a product
    parameter ACC_W = 24,                                // accumulator: bits,
    parameter ACC_F = 13,                                //   fractional bits,
    // verilator lint_off UNUSEDPARAM
    parameter ACC_SIGNED = 1,                            //   two's complement, and modes as in
    parameter [87:0] ACC_ROUNDING = "TRN",               //   ns_requantize (a plain array needs neither)
    // verilator lint_on UNUSEDPARAM
    parameter [63:0] ACC_OVERFLOW = "WRAP"
) (
    input  wire                      aclk,
    input  wire                      en_i,
    input  wire                      first_i,
    input  wire [   N_OUT*ACC_W-1:0] bias_i,
    input  wire [N_IN*X_LANES*X_W-1:0] x_i,
    input  wire [N_IN*N_OUT*W_W-1:0] w_i,
    output wire [   N_OUT*ACC_W-1:0] acc_o
);

  generate
    if (ACC_OVERFLOW == "WRAP" && ACC_F >= PRODUCT_F) begin : gen_array
      localparam SHIFT = ACC_F - PRODUCT_F;
      localparam FACTOR_W = (X_W > W_W) ? X_W + 1 : W_W + 1;
      localparam WIDE = (ACC_W > FACTOR_W) ? ACC_W : FACTOR_W;  // holds a factor, and the bits that count

      // The low ACC_W bits of x * w * 2**SHIFT.
      function [ACC_W-1:0] product;
        input [X_W-1:0] factor;
        input [W_W-1:0] weight;
        reg signed [WIDE-1:0] x_wide, w_wide;
        // verilator lint_off UNUSEDSIGNAL
        reg signed [WIDE-1:0] p;                         // modulo 2**ACC_W: what is above is dropped
        // verilator lint_on UNUSEDSIGNAL
        begin
          x_wide  = {{WIDE - X_W{(X_SIGNED != 0) && factor[X_W-1]}}, factor};
          w_wide  = {{WIDE - W_W{(W_SIGNED != 0) && weight[W_W-1]}}, weight};
          p       = (x_wide * w_wide) <<< SHIFT;
          product = p[ACC_W-1:0];
        end
      endfunction

      genvar j;

      for (j = 0; j < N_OUT; j = j + 1) begin : gen_output
        reg [ACC_W-1:0] acc_q;
        reg [ACC_W-1:0] sum;                             // temporary of the block below
        integer k;

        assign acc_o[j*ACC_W+:ACC_W] = acc_q;

        // verilator lint_off BLKSEQ
        always @(posedge aclk) begin
          if (en_i) begin
            sum = first_i ? bias_i[j*ACC_W+:ACC_W] : acc_q;
            for (k = 0; k < N_IN; k = k + 1) begin
              sum = sum + product(x_i[(k*X_LANES+j%X_LANES)*X_W+:X_W], w_i[(k*N_OUT+j)*W_W+:W_W]);
            end
            acc_q <= sum;
          end
        end
        // verilator lint_on BLKSEQ
      end
    end else begin : gen_chain
      reg  [N_OUT*ACC_W-1:0] acc_q;
      wire [N_OUT*ACC_W-1:0] sum [0:N_IN];
      genvar k;

      assign acc_o  = acc_q;
      assign sum[0] = first_i ? bias_i : acc_q;

      for (k = 0; k < N_IN; k = k + 1) begin : gen_step
        ns_mac_step #(
            .N_OUT       (N_OUT),
            .X_LANES     (X_LANES),
            .X_W         (X_W),
            .X_SIGNED    (X_SIGNED),
            .W_W         (W_W),
            .W_SIGNED    (W_SIGNED),
            .PRODUCT_F   (PRODUCT_F),
            .ACC_W       (ACC_W),
            .ACC_F       (ACC_F),
            .ACC_SIGNED  (ACC_SIGNED),
            .ACC_ROUNDING(ACC_ROUNDING),
            .ACC_OVERFLOW(ACC_OVERFLOW)
        ) u_step (
            .start_i(sum[k]),
            .x_i    (x_i[k*X_LANES*X_W+:X_LANES*X_W]),
            .w_i    (w_i[k*N_OUT*W_W+:N_OUT*W_W]),
            .sum_o  (sum[k+1])
        );
      end

      always @(posedge aclk) begin
        if (en_i) acc_q <= sum[N_IN];
      end
    end
  endgenerate

endmodule
