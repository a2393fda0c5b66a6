// ns_argmax: index of the largest of N numbers, the first of equals.
//
// Latency  0. While en_i is low the index is 0, so that nothing behind it toggles.
module ns_argmax #(
    parameter N = 10,                                    // elements
    parameter WIDTH = 8,                                 // bits of an element
    parameter SIGNED = 1,                                // two's complement
    parameter INDEX_W = 4                                // bits of the index
) (
    input  wire               en_i,
    input  wire [N*WIDTH-1:0] data_i,
    output reg  [INDEX_W-1:0] index_o
);

  // Inverting the sign bit maps two's complement to unsigned numbers in the same order.
  localparam [WIDTH-1:0] BIAS = (SIGNED != 0) ? {1'b1, {WIDTH - 1{1'b0}}} : {WIDTH{1'b0}};

  reg [WIDTH-1:0] best, next;
  integer n;

  always @* begin
    best = data_i[WIDTH-1:0] ^ BIAS;
    next = best;
    index_o = {INDEX_W{1'b0}};
    n = 1;                                               // see ns_requantize
    if (en_i) begin
      for (n = 1; n < N; n = n + 1) begin
        next = data_i[n*WIDTH+:WIDTH] ^ BIAS;
        if (next > best) begin
          best = next;
          index_o = n[INDEX_W-1:0];
        end
      end
    end
  end

endmodule
