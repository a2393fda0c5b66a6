// ns_guard: what N words of a guarded store read as, and whether a checker sees an error.
//
// Every bit is under one scheme at most, which the masks say: voted (tmr_i), compared (dmr_i), with a parity
// bit (par_i), in a code word (sec_i), or none. The schemes that a store does not use are not built.
//
// Check bits of a word: if PARITY, one an element; then those of its code words. Code words are cut from
// each row of ROW bits: CODE data bits each, the last one of a row what is left; each has room for CHECKS.
//
// Latency  0.
module ns_guard #(
    parameter N = 1,                                     // words
    parameter WIDTH = 24,                                // bits of a word
    parameter ELEMENT = 6,                               // bits of an element; divides ROW
    parameter ROW = 24,                                  // bits of a row; divides WIDTH
    parameter TMR = 0,                                   // schemes that are used
    parameter DMR = 0,
    parameter PARITY = 0,
    parameter FIRST = (PARITY != 0) ? WIDTH / ELEMENT : 0,  // check bits before those of code words
    parameter CODE = 0,                                  // data bits of a code word, ROW at most; 0: none
    parameter CHECKS = 1,                                // check bits of a code word
    parameter CHECK_W = 1                                // check bits of a word
) (
    input  wire [  N*WIDTH-1:0] a_i,                     // the bits,
    input  wire [  N*WIDTH-1:0] b_i,                     //   second copies,
    input  wire [  N*WIDTH-1:0] c_i,                     //   third copies,
    input  wire [N*CHECK_W-1:0] k_i,                     //   check bits
    input  wire [  N*WIDTH-1:0] tmr_i,
    input  wire [  N*WIDTH-1:0] dmr_i,
    input  wire [  N*WIDTH-1:0] par_i,
    input  wire [  N*WIDTH-1:0] sec_i,
    output wire [  N*WIDTH-1:0] data_o,                  // what is read
    output wire [N*CHECK_W-1:0] check_o,                 // check bits, those of code words corrected
    output wire                 error_o
);

  localparam ELEMENTS = WIDTH / ELEMENT;

  // Check bits of a code word with so many data bits.
  function integer checks;
    input integer data;
    begin
      checks = 3;
      while (2 ** (checks - 1) < data + checks) checks = checks + 1;
    end
  endfunction

  wire unused_ok = &{1'b0, b_i, c_i, k_i, tmr_i, dmr_i, par_i, sec_i, 1'b0};

  wire [N*WIDTH-1:0] voted, compared, even;
  wire tmr_error, dmr_error, par_error, sec_error;

  assign error_o = tmr_error || dmr_error || par_error || sec_error;

  generate
    if (TMR != 0) begin : gen_tmr
      ns_voter #(
          .WIDTH(N * WIDTH)
      ) u_voter (
          .inA   (a_i),
          .inB   (b_i),
          .inC   (c_i),
          .mask  (tmr_i),
          .out   (voted),
          .tmrErr(tmr_error)
      );
    end else begin : gen_no_tmr
      assign voted     = a_i;
      assign tmr_error = 1'b0;
    end

    if (DMR != 0) begin : gen_dmr
      ns_dmr #(
          .N    (N * ELEMENTS),
          .WIDTH(ELEMENT)
      ) u_dmr (
          .inA   (voted),
          .inB   (b_i),
          .mask  (dmr_i),
          .out   (compared),
          .tmrErr(dmr_error)
      );
    end else begin : gen_no_dmr
      assign compared  = voted;
      assign dmr_error = 1'b0;
    end

    if (PARITY != 0) begin : gen_parity
      reg [N*ELEMENTS-1:0] check;
      integer n;

      always @* begin
        for (n = 0; n < N; n = n + 1) check[n*ELEMENTS+:ELEMENTS] = k_i[n*CHECK_W+:ELEMENTS];
      end

      ns_parity #(
          .N    (N * ELEMENTS),
          .WIDTH(ELEMENT)
      ) u_parity (
          .data_i (compared),
          .check_i(check),
          .mask_i (par_i),
          .data_o (even),
          .error_o(par_error)
      );
    end else begin : gen_no_parity
      assign even      = compared;
      assign par_error = 1'b0;
    end

    if (CODE != 0) begin : gen_code
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
      reg [N*WIDTH-1:0] corrected;
      reg [N*CHECK_W-1:0] corrected_check;
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
            data[(r*FULL+w)*CODE+:CODE] = even[r*ROW+w*CODE+:CODE];
            there[(r*FULL+w)*CODE+:CODE] = sec_i[r*ROW+w*CODE+:CODE];
            check[(r*FULL+w)*CHECKS+:CHECKS] = k_i[r/LINES*CHECK_W+FIRST+(r%LINES*CODES+w)*CHECKS+:CHECKS];
          end
          if (REST != 0) begin
            tail[r*TAIL+:TAIL] = even[r*ROW+ROW-TAIL+:TAIL];
            tail_there[r*TAIL+:TAIL] = sec_i[r*ROW+ROW-TAIL+:TAIL];
            tail_check[r*TAIL_CHECKS+:TAIL_CHECKS] =
                k_i[r/LINES*CHECK_W+FIRST+(r%LINES*CODES+FULL)*CHECKS+:TAIL_CHECKS];
          end
        end
      end

      // and back.
      always @* begin
        corrected = even;
        corrected_check = k_i;
        for (line = 0; line < ROWS; line = line + 1) begin
          for (place = 0; place < FULL; place = place + 1) begin
            corrected[line*ROW+place*CODE+:CODE] = right[(line*FULL+place)*CODE+:CODE];
            corrected_check[line/LINES*CHECK_W+FIRST+(line%LINES*CODES+place)*CHECKS+:CHECKS] =
                right_check[(line*FULL+place)*CHECKS+:CHECKS];
          end
          if (REST != 0) begin
            corrected[line*ROW+ROW-TAIL+:TAIL] = tail_right[line*TAIL+:TAIL];
            corrected_check[line/LINES*CHECK_W+FIRST+(line%LINES*CODES+FULL)*CHECKS+:TAIL_CHECKS] =
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

      assign data_o    = corrected;
      assign check_o   = corrected_check;
      assign sec_error = code_error || tail_error;
    end else begin : gen_no_code
      assign data_o    = even;
      assign check_o   = k_i;
      assign sec_error = 1'b0;
    end
  endgenerate

endmodule
