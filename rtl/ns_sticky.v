// ns_sticky: an error flag that stays until it is cleared.
//
// Latency  1. An error beats a clear in the same cycle.
module ns_sticky (
    input  wire aclk,
    input  wire aresetn,
    input  wire error_i,
    input  wire clear_i,
    output wire error_o
);

  reg error_q;

  assign error_o = error_q;

  always @(posedge aclk) begin
    if (!aresetn) error_q <= 1'b0;
    else error_q <= (error_q && !clear_i) || error_i;
  end

endmodule
