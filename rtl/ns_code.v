// ns_code: N words cut into code words, decoded, and put together again.
//
// Each row of ROW bits of a word is cut into code words of CODE data bits, and a shorter one of what is left.
// The check bits of a word's code words stand one after the other from FIRST on, CHECKS bits for each.
//
// Latency  0.
module ns_code #(
    parameter N = 1,                                     // words
    parameter WIDTH = 24,                                // bits of a word
    parameter ROW = 24,                                  // bits of a row; divides WIDTH
    parameter FIRST = 0,                                 // check bits before those of code words
    parameter CODE = 24,                                 // data bits of a code word, ROW at most
    parameter CHECKS = 6,                                // check bits of a code word
    parameter CHECK_W = 6                                // check bits of a word
) (
    input  wire [  N*WIDTH-1:0] data_i,
    input  wire [N*CHECK_W-1:0] check_i,
    input  wire [  N*WIDTH-1:0] cover_i,                 // bits that are in code words
    output reg  [  N*WIDTH-1:0] data_o,
    output reg  [N*CHECK_W-1:0] check_o,
    output wire                 error_o
);

  // Check bits of a code word with so many data bits.
  function [31:0] checks;
    input [31:0] data;
    begin
      checks = 3;
      while (2 ** (checks - 1) < data + checks) checks = checks + 1;
    end
  endfunction

  localparam LINES = WIDTH / ROW;                    // rows of a word,
  localparam ROWS = N * LINES;                       //   and of all
  localparam FULL = ROW / CODE;                      // whole code words of a row,
  localparam REST = ROW - FULL * CODE;               //   and data bits of the shorter one behind them
  localparam TAIL = (REST == 0) ? CODE : REST;
  localparam TAIL_CHECKS = checks(TAIL);
  localparam CODES = FULL + ((REST == 0) ? 0 : 1);
  reg [ROWS*FULL*CODE-1:0] data, there;
  reg [ROWS*FULL*CHECKS-1:0] check;
  reg [ROWS*TAIL-1:0] tail, tail_there;
  reg [ROWS*TAIL_CHECKS-1:0] tail_check;
  wire [ROWS*FULL*CODE-1:0] right;
  wire [ROWS*FULL*CHECKS-1:0] right_check;
  wire [ROWS*TAIL-1:0] tail_right;
  wire [ROWS*TAIL_CHECKS-1:0] tail_right_check;
  wire code_error, tail_error;
  integer r, w, line, place;

  // To one code word after the other,
  always @* begin
    data = {ROWS * FULL * CODE{1'b0}};
    there = {ROWS * FULL * CODE{1'b0}};
    check = {ROWS * FULL * CHECKS{1'b0}};
    tail = {ROWS * TAIL{1'b0}};
    tail_there = {ROWS * TAIL{1'b0}};
    tail_check = {ROWS * TAIL_CHECKS{1'b0}};
    for (r = 0; r < ROWS; r = r + 1) begin
      for (w = 0; w < FULL; w = w + 1) begin
        data[(r*FULL+w)*CODE+:CODE] = data_i[r*ROW+w*CODE+:CODE];
        there[(r*FULL+w)*CODE+:CODE] = cover_i[r*ROW+w*CODE+:CODE];
        check[(r*FULL+w)*CHECKS+:CHECKS] = check_i[r/LINES*CHECK_W+FIRST+(r%LINES*CODES+w)*CHECKS+:CHECKS];
      end
      if (REST != 0) begin
        tail[r*TAIL+:TAIL] = data_i[r*ROW+ROW-TAIL+:TAIL];
        tail_there[r*TAIL+:TAIL] = cover_i[r*ROW+ROW-TAIL+:TAIL];
        tail_check[r*TAIL_CHECKS+:TAIL_CHECKS] =
            check_i[r/LINES*CHECK_W+FIRST+(r%LINES*CODES+FULL)*CHECKS+:TAIL_CHECKS];
      end
    end
  end

  // and back.
  always @* begin
    data_o = data_i;
    check_o = check_i;
    for (line = 0; line < ROWS; line = line + 1) begin
      for (place = 0; place < FULL; place = place + 1) begin
        data_o[line*ROW+place*CODE+:CODE] = right[(line*FULL+place)*CODE+:CODE];
        check_o[line/LINES*CHECK_W+FIRST+(line%LINES*CODES+place)*CHECKS+:CHECKS] =
            right_check[(line*FULL+place)*CHECKS+:CHECKS];
      end
      if (REST != 0) begin
        data_o[line*ROW+ROW-TAIL+:TAIL] = tail_right[line*TAIL+:TAIL];
        check_o[line/LINES*CHECK_W+FIRST+(line%LINES*CODES+FULL)*CHECKS+:TAIL_CHECKS] =
            tail_right_check[line*TAIL_CHECKS+:TAIL_CHECKS];
      end
    end
  end

  ns_secded_decode #(
      .N     (ROWS * FULL),
      .DATA  (CODE),
      .CHECKS(CHECKS)
  ) u_decode (
      .data_i (data),
      .check_i(check),
      .cover_i(there),
      .data_o (right),
      .check_o(right_check),
      .error_o(code_error)
  );

  generate
    if (REST != 0) begin : gen_tail
      ns_secded_decode #(
          .N     (ROWS),
          .DATA  (TAIL),
          .CHECKS(TAIL_CHECKS)
      ) u_decode (
          .data_i (tail),
          .check_i(tail_check),
          .cover_i(tail_there),
          .data_o (tail_right),
          .check_o(tail_right_check),
          .error_o(tail_error)
      );
    end else begin : gen_no_tail
      wire unused_tail_ok = &{1'b0, tail, tail_there, tail_check, 1'b0};

      assign tail_right       = {ROWS * TAIL{1'b0}};
      assign tail_right_check = {ROWS * TAIL_CHECKS{1'b0}};
      assign tail_error       = 1'b0;
    end
  endgenerate

  assign error_o = code_error || tail_error;

endmodule
