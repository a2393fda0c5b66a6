// ns_voter: bitwise majority of three replicas, where they exist.
//
// Where mask is 1 the bit is triplicated: out is the majority, and tmrErr is raised if the replicas
// differ. Where mask is 0 only inA exists: it passes, and inB and inC are ignored.
//
// Latency  0.
// Source   majority voting with an error flag and these port names: the `majorityVoter` of CERN's
//          TMRG (S. Kulis, "Single Event Effects mitigation with TMRG tool", JINST 12 C01082, 2017).
//          The mask is ours.
module ns_voter #(
    parameter WIDTH = 1
) (
    input  wire [WIDTH-1:0] inA,
    input  wire [WIDTH-1:0] inB,
    input  wire [WIDTH-1:0] inC,
    input  wire [WIDTH-1:0] mask,
    output reg  [WIDTH-1:0] out,
    output reg              tmrErr
);

  // Procedural: Icarus computes whole words here, and single bits in an `assign`.
  always @* begin
    out    = (inA & (inB | inC | ~mask)) | (inB & inC & mask);
    tmrErr = |(((inA ^ inB) | (inA ^ inC)) & mask);
  end

endmodule
