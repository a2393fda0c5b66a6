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

  wire unused_ok = &{1'b0, b_i, c_i, k_i, tmr_i, dmr_i, par_i, sec_i, 1'b0};

  genvar n;

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
      wire [N*ELEMENTS-1:0] check;

      for (n = 0; n < N; n = n + 1) begin : gen_check
        assign check[n*ELEMENTS+:ELEMENTS] = k_i[n*CHECK_W+:ELEMENTS];
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
      ns_code #(
          .N      (N),
          .WIDTH  (WIDTH),
          .ROW    (ROW),
          .FIRST  (FIRST),
          .CODE   (CODE),
          .CHECKS (CHECKS),
          .CHECK_W(CHECK_W)
      ) u_code (
          .data_i (even),
          .check_i(k_i),
          .cover_i(sec_i),
          .data_o (data_o),
          .check_o(check_o),
          .error_o(sec_error)
      );
    end else begin : gen_no_code
      assign data_o    = even;
      assign check_o   = k_i;
      assign sec_error = 1'b0;
    end
  endgenerate

endmodule
