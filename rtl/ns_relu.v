// ns_relu: max(x, 0) of N numbers; the format does not change. Unsigned numbers pass.
//
// Latency  0.
module ns_relu #(
    parameter N = 1,                                     // elements
    parameter WIDTH = 8,                                 // bits of an element
    parameter SIGNED = 1                                 // two's complement
) (
    input  wire [N*WIDTH-1:0] data_i,
    output reg  [N*WIDTH-1:0] data_o
);

  integer n;

  always @* begin
    for (n = 0; n < N; n = n + 1) begin
      if (SIGNED != 0 && data_i[n*WIDTH+WIDTH-1]) data_o[n*WIDTH+:WIDTH] = {WIDTH{1'b0}};
      else data_o[n*WIDTH+:WIDTH] = data_i[n*WIDTH+:WIDTH];
    end
  end

endmodule
