// ns_dmr: N elements in two copies; an element whose copies differ reads as zero.
//
// Where mask is 0 there is no copy: inA passes, and inB is ignored. An element is masked as a whole.
//
// Latency  0.
// Source   duplication with comparison; the ports are those of ns_voter without the third copy.
module ns_dmr #(
    parameter N = 1,                                     // elements
    parameter WIDTH = 6                                  // bits of an element
) (
    input  wire [N*WIDTH-1:0] inA,
    input  wire [N*WIDTH-1:0] inB,
    input  wire [N*WIDTH-1:0] mask,
    output reg  [N*WIDTH-1:0] out,
    output reg                tmrErr
);

  reg [N*WIDTH-1:0] differ;
  integer n;

  always @* begin
    differ = (inA ^ inB) & mask;
    tmrErr = |differ;
    out = inA;
    n = 0;                                               // see ns_requantize
    if (tmrErr) begin
      for (n = 0; n < N; n = n + 1) begin
        if (|differ[n*WIDTH+:WIDTH]) out[n*WIDTH+:WIDTH] = {WIDTH{1'b0}};
      end
    end
  end

endmodule
