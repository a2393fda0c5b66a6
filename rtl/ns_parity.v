// ns_parity: N elements with a check bit each; an element with an odd number of ones, the check bit
// included, reads as zero.
//
// Where mask is 0 there is no check bit: the element passes. An element is masked as a whole.
//
// Latency  0.
// Source   even parity: all-zero elements hold a check bit of 0.
module ns_parity #(
    parameter N = 1,                                     // elements
    parameter WIDTH = 6                                  // bits of an element
) (
    input  wire [N*WIDTH-1:0] data_i,
    input  wire [      N-1:0] check_i,
    input  wire [N*WIDTH-1:0] mask_i,
    output reg  [N*WIDTH-1:0] data_o,
    output reg                error_o
);

  integer n;

  always @* begin
    data_o  = data_i;
    error_o = 1'b0;
    for (n = 0; n < N; n = n + 1) begin
      if (mask_i[n*WIDTH] && (^data_i[n*WIDTH+:WIDTH]) != check_i[n]) begin
        data_o[n*WIDTH+:WIDTH] = {WIDTH{1'b0}};
        error_o = 1'b1;
      end
    end
  end

endmodule
