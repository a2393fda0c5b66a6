// ns_secded_decode: N code words of a Hamming code with a parity bit; corrects one error, detects two.
//
// Data bit j has the j-th position that is no power of two (3, 5, 6, 7, 9, ...), check bit i position 2**i,
// and the last check bit makes the parity of the whole code word even. The syndrome is the exclusive-or of
// the positions of the ones. Parity odd: one error, at the position that the syndrome names (0 is the parity
// bit itself). Parity even and syndrome not 0: two errors. What is not corrected passes as it is stored.
// Where cover_i is 0 there is no data bit: it counts as 0 and is never inverted.
//
// Latency  0.
// Source   R. W. Hamming, "Error Detecting and Error Correcting Codes", Bell System Technical Journal 29(2),
//          1950; netsurf/harden/schemes/secded.py is the same code, and tests/equivalence/test_cells_schemes.py
//          compares the two on every single and every double error.
module ns_secded_decode #(
    parameter N = 1,                                     // code words
    parameter DATA = 64,                                 // data bits, 1 to 64
    parameter CHECKS = 8                                 // check bits: least r with 2**r >= DATA + r + 1, plus 1
) (
    input  wire [  N*DATA-1:0] data_i,
    input  wire [N*CHECKS-1:0] check_i,
    input  wire [  N*DATA-1:0] cover_i,
    output reg  [  N*DATA-1:0] data_o,
    output reg  [N*CHECKS-1:0] check_o,
    output reg                 error_o
);

  localparam R = CHECKS - 1;                             // bits of the syndrome

  // Position of each data bit, R bits each.
  function [DATA*R-1:0] positions;
    input unused;
    integer p, j;
    begin
      positions = {DATA * R{1'b0}};
      j = 0;
      for (p = 3; p < 2 ** R && j < DATA; p = p + 1) begin
        if ((p & (p - 1)) != 0) begin
          positions[j*R+:R] = p[R-1:0];
          j = j + 1;
        end
      end
    end
  endfunction

  // Data bits that each bit of the syndrome sums.
  function [R*DATA-1:0] rows;
    input [DATA*R-1:0] position;
    integer i, j;
    begin
      for (i = 0; i < R; i = i + 1) begin
        for (j = 0; j < DATA; j = j + 1) rows[i*DATA+j] = position[j*R+i];
      end
    end
  endfunction

  localparam [DATA*R-1:0] POSITIONS = positions(1'b0);
  localparam [R*DATA-1:0] ROWS = rows(POSITIONS);

  reg [DATA-1:0] data;
  reg [CHECKS-1:0] check;
  reg [R-1:0] syndrome;
  reg single;
  integer n, i, j;

  always @* begin
    data_o  = data_i;
    check_o = check_i;
    error_o = 1'b0;
    data = {DATA{1'b0}};
    check = {CHECKS{1'b0}};
    syndrome = {R{1'b0}};
    single = 1'b0;
    j = 0;                                               // see ns_requantize
    for (n = 0; n < N; n = n + 1) begin
      data  = data_i[n*DATA+:DATA] & cover_i[n*DATA+:DATA];
      check = check_i[n*CHECKS+:CHECKS];
      for (i = 0; i < R; i = i + 1) syndrome[i] = (^(data & ROWS[i*DATA+:DATA])) ^ check[i];
      single = (^data) ^ (^check);
      if (single || syndrome != {R{1'b0}}) error_o = 1'b1;
      if (single) begin
        for (j = 0; j < DATA; j = j + 1) begin
          if (syndrome == POSITIONS[j*R+:R]) data_o[n*DATA+j] = data_i[n*DATA+j] ^ cover_i[n*DATA+j];
        end
        for (i = 0; i < R; i = i + 1) begin
          if (syndrome == {{R - 1{1'b0}}, 1'b1} << i) check_o[n*CHECKS+i] = !check[i];
        end
        if (syndrome == {R{1'b0}}) check_o[n*CHECKS+R] = !check[R];
      end
    end
  end

endmodule
