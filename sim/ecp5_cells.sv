// SPDX-License-Identifier: Apache-2.0
//
// What block RAM and multiplier of the ECP5 do, as far as netlists of Yosys use them. Yosys itself has them as black
// boxes; its models of all other primitives are read beside these.
//
// After FPGA-TN-02204 (memory) and FPGA-TN-02205 (DSP) of Lattice as they are known, not held against the guides
// themselves nor a device, and Yosys's brams_16kd.txt, brams_map_16kd.v and dsp_map_18x18.v, which say how the ports are used. A parameter that no netlist of Yosys has ends in $fatal.

// Block RAM: 2,048 bytes of 9 bits, two ports. A port of 1, 2 or 4 bits sees 8 bits of a byte.
//
// Width:   1, 2, 4, 9, 18 a port; DATA_WIDTH_A = 36: A writes {DIB, DIA}, B reads, with DATA_WIDTH_B = 36 to {DOB, DOA}.
// Address: in bits, AD13 the highest, whatever the width. At 18 bits AD1 and AD0, at 36 AD3 to AD0 enable bytes.
// Read:    a cycle after the address, where CE is high. While a port writes, it reads nothing (NORMAL), what it writes
//          (WRITETHROUGH) or what was there before (READBEFOREWRITE).
// Reset:   clears the output, whatever CE is, and stops the write of that cycle; SYNC with the clock, ASYNC at once.
// Collision: what one port reads while the other writes the same byte is not defined. Here it is the complement of what
//          was there, so that a netlist that counts on it computes something else. Both ports have one clock.
// Output:  what was read, or with REGMODE = OUTREG a register behind it, which OCE enables and the reset clears, too; at
//          36 bits that of B.

module DP16KD (
  input  logic
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
    DIA0,
  input  logic
    ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input  logic CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output logic
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
    DOA0,
  input  logic
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
    DIB0,
  input  logic
    ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input  logic CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output logic
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
    DOB0
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA";
  parameter CLKBMUX = "CLKB";
  parameter GSR = "ENABLED";
  parameter [319:0] INITVAL_00 = 320'd0;
  parameter [319:0] INITVAL_01 = 320'd0;
  parameter [319:0] INITVAL_02 = 320'd0;
  parameter [319:0] INITVAL_03 = 320'd0;
  parameter [319:0] INITVAL_04 = 320'd0;
  parameter [319:0] INITVAL_05 = 320'd0;
  parameter [319:0] INITVAL_06 = 320'd0;
  parameter [319:0] INITVAL_07 = 320'd0;
  parameter [319:0] INITVAL_08 = 320'd0;
  parameter [319:0] INITVAL_09 = 320'd0;
  parameter [319:0] INITVAL_0A = 320'd0;
  parameter [319:0] INITVAL_0B = 320'd0;
  parameter [319:0] INITVAL_0C = 320'd0;
  parameter [319:0] INITVAL_0D = 320'd0;
  parameter [319:0] INITVAL_0E = 320'd0;
  parameter [319:0] INITVAL_0F = 320'd0;
  parameter [319:0] INITVAL_10 = 320'd0;
  parameter [319:0] INITVAL_11 = 320'd0;
  parameter [319:0] INITVAL_12 = 320'd0;
  parameter [319:0] INITVAL_13 = 320'd0;
  parameter [319:0] INITVAL_14 = 320'd0;
  parameter [319:0] INITVAL_15 = 320'd0;
  parameter [319:0] INITVAL_16 = 320'd0;
  parameter [319:0] INITVAL_17 = 320'd0;
  parameter [319:0] INITVAL_18 = 320'd0;
  parameter [319:0] INITVAL_19 = 320'd0;
  parameter [319:0] INITVAL_1A = 320'd0;
  parameter [319:0] INITVAL_1B = 320'd0;
  parameter [319:0] INITVAL_1C = 320'd0;
  parameter [319:0] INITVAL_1D = 320'd0;
  parameter [319:0] INITVAL_1E = 320'd0;
  parameter [319:0] INITVAL_1F = 320'd0;
  parameter [319:0] INITVAL_20 = 320'd0;
  parameter [319:0] INITVAL_21 = 320'd0;
  parameter [319:0] INITVAL_22 = 320'd0;
  parameter [319:0] INITVAL_23 = 320'd0;
  parameter [319:0] INITVAL_24 = 320'd0;
  parameter [319:0] INITVAL_25 = 320'd0;
  parameter [319:0] INITVAL_26 = 320'd0;
  parameter [319:0] INITVAL_27 = 320'd0;
  parameter [319:0] INITVAL_28 = 320'd0;
  parameter [319:0] INITVAL_29 = 320'd0;
  parameter [319:0] INITVAL_2A = 320'd0;
  parameter [319:0] INITVAL_2B = 320'd0;
  parameter [319:0] INITVAL_2C = 320'd0;
  parameter [319:0] INITVAL_2D = 320'd0;
  parameter [319:0] INITVAL_2E = 320'd0;
  parameter [319:0] INITVAL_2F = 320'd0;
  parameter [319:0] INITVAL_30 = 320'd0;
  parameter [319:0] INITVAL_31 = 320'd0;
  parameter [319:0] INITVAL_32 = 320'd0;
  parameter [319:0] INITVAL_33 = 320'd0;
  parameter [319:0] INITVAL_34 = 320'd0;
  parameter [319:0] INITVAL_35 = 320'd0;
  parameter [319:0] INITVAL_36 = 320'd0;
  parameter [319:0] INITVAL_37 = 320'd0;
  parameter [319:0] INITVAL_38 = 320'd0;
  parameter [319:0] INITVAL_39 = 320'd0;
  parameter [319:0] INITVAL_3A = 320'd0;
  parameter [319:0] INITVAL_3B = 320'd0;
  parameter [319:0] INITVAL_3C = 320'd0;
  parameter [319:0] INITVAL_3D = 320'd0;
  parameter [319:0] INITVAL_3E = 320'd0;
  parameter [319:0] INITVAL_3F = 320'd0;

  localparam bit Pseudo = DATA_WIDTH_A == 36;  // A writes, B reads

  if ((REGMODE_A != "NOREG" && REGMODE_A != "OUTREG") || (REGMODE_B != "NOREG" && REGMODE_B != "OUTREG"))
  begin : gen_check_register
    $fatal(1, "DP16KD: REGMODE_A and REGMODE_B must be NOREG or OUTREG, not %s and %s", REGMODE_A, REGMODE_B);
  end
  if (RESETMODE == "ASYNC" && (REGMODE_A == "OUTREG" || REGMODE_B == "OUTREG")) begin : gen_check_reset
    $fatal(1, "DP16KD: RESETMODE must be SYNC beside an output register, not %s", RESETMODE);
  end
  if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin : gen_check_select
    $fatal(1, "DP16KD: CSDECODE_A and CSDECODE_B must be 0b000, not %s and %s", CSDECODE_A, CSDECODE_B);
  end
  if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") begin : gen_check_clock
    $fatal(1, "DP16KD: CLKAMUX and CLKBMUX must be CLKA and CLKB, not %s and %s", CLKAMUX, CLKBMUX);
  end
  if (DATA_WIDTH_B == 36 && !Pseudo) begin : gen_check_widths
    $fatal(1, "DP16KD: DATA_WIDTH_A must be 36 where DATA_WIDTH_B is, not %0d", DATA_WIDTH_A);
  end

  // Bits of a port's word, from the lowest one on, and the enables of the four bytes around its address.
  function automatic logic [35:0] word(input int width, input logic [13:0] at, input logic [35:0] bytes);
    case (width)
      1:       word = 36'(bytes[9*at[4:3]+at[2:0]]);
      2:       word = 36'(bytes[9*at[4:3]+{at[2:1], 1'b0}+:2]);
      4:       word = 36'(bytes[9*at[4:3]+{at[2], 2'b0}+:4]);
      9:       word = 36'(bytes[9*at[4:3]+:9]);
      18:      word = 36'(bytes[18*at[4]+:18]);
      default: word = bytes;
    endcase
  endfunction

  function automatic logic [35:0] mask(input int width, input logic [13:0] at);
    case (width)
      1:       mask = 36'h1 << (9 * at[4:3] + at[2:0]);
      2:       mask = 36'h3 << (9 * at[4:3] + {at[2:1], 1'b0});
      4:       mask = 36'hF << (9 * at[4:3] + {at[2], 2'b0});
      9:       mask = 36'h1FF << (9 * at[4:3]);
      18:      mask = {18'd0, {9{at[1]}}, {9{at[0]}}} << (18 * at[4]);
      default: mask = {{9{at[3]}}, {9{at[2]}}, {9{at[1]}}, {9{at[0]}}};
    endcase
  endfunction

  function automatic logic [35:0] placed(input int width, input logic [13:0] at, input logic [35:0] data);
    case (width)
      1:       placed = {36{data[0]}};
      2:       placed = 36'(data[1:0]) << (9 * at[4:3] + {at[2:1], 1'b0});
      4:       placed = 36'(data[3:0]) << (9 * at[4:3] + {at[2], 2'b0});
      9:       placed = {4{data[8:0]}};
      18:      placed = {2{data[17:0]}};
      default: placed = data;
    endcase
  endfunction

  logic [35:0] mem [512];  // four bytes a word

  // Of a parameter's 16 words of 20 bits the lower 18 are used.
  task automatic load(input int n, input logic [319:0] words);
    for (int i = 0; i < 8; i++) mem[8*n+i] = {words[40*i+20+:18], words[40*i+:18]};
  endtask

  initial begin
    load(0, INITVAL_00); load(1, INITVAL_01); load(2, INITVAL_02); load(3, INITVAL_03);
    load(4, INITVAL_04); load(5, INITVAL_05); load(6, INITVAL_06); load(7, INITVAL_07);
    load(8, INITVAL_08); load(9, INITVAL_09); load(10, INITVAL_0A); load(11, INITVAL_0B);
    load(12, INITVAL_0C); load(13, INITVAL_0D); load(14, INITVAL_0E); load(15, INITVAL_0F);
    load(16, INITVAL_10); load(17, INITVAL_11); load(18, INITVAL_12); load(19, INITVAL_13);
    load(20, INITVAL_14); load(21, INITVAL_15); load(22, INITVAL_16); load(23, INITVAL_17);
    load(24, INITVAL_18); load(25, INITVAL_19); load(26, INITVAL_1A); load(27, INITVAL_1B);
    load(28, INITVAL_1C); load(29, INITVAL_1D); load(30, INITVAL_1E); load(31, INITVAL_1F);
    load(32, INITVAL_20); load(33, INITVAL_21); load(34, INITVAL_22); load(35, INITVAL_23);
    load(36, INITVAL_24); load(37, INITVAL_25); load(38, INITVAL_26); load(39, INITVAL_27);
    load(40, INITVAL_28); load(41, INITVAL_29); load(42, INITVAL_2A); load(43, INITVAL_2B);
    load(44, INITVAL_2C); load(45, INITVAL_2D); load(46, INITVAL_2E); load(47, INITVAL_2F);
    load(48, INITVAL_30); load(49, INITVAL_31); load(50, INITVAL_32); load(51, INITVAL_33);
    load(52, INITVAL_34); load(53, INITVAL_35); load(54, INITVAL_36); load(55, INITVAL_37);
    load(56, INITVAL_38); load(57, INITVAL_39); load(58, INITVAL_3A); load(59, INITVAL_3B);
    load(60, INITVAL_3C); load(61, INITVAL_3D); load(62, INITVAL_3E); load(63, INITVAL_3F);
  end

  wire [13:0] at_a =
    {
      ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
    };
  wire [17:0] in_a =
    {
      DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
      DIA0
    };
  wire on_a = CEA && {CSA2, CSA1, CSA0} == 3'd0;
  wire [13:0] at_b =
    {
      ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0
    };
  wire [17:0] in_b =
    {
      DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
      DIB0
    };
  wire on_b = CEB && {CSB2, CSB1, CSB0} == 3'd0;
  wire write_a = on_a && WEA && !RSTA;
  wire write_b = on_b && WEB && !RSTB && !Pseudo;
  wire [35:0] data_a = placed(DATA_WIDTH_A, at_a, Pseudo ? {in_b, in_a} : 36'(in_a));
  wire [35:0] data_b = placed(DATA_WIDTH_B, at_b, 36'(in_b));
  wire [35:0] mask_a = write_a ? mask(DATA_WIDTH_A, at_a) : 36'd0;
  wire [35:0] mask_b = write_b ? mask(DATA_WIDTH_B, at_b) : 36'd0;

  // What each port's word holds after the write, and what is read of it; bits that the other port writes are undefined.
  wire same = at_a[13:5] == at_b[13:5];
  wire [35:0] old_a = mem[at_a[13:5]];
  wire [35:0] old_b = mem[at_b[13:5]];
  wire [35:0] new_a = (old_a & ~mask_a) | (data_a & mask_a);
  wire [35:0] new_b = (old_b & ~mask_b) | (data_b & mask_b);
  wire [35:0] read_a = (WRITEMODE_A == "WRITETHROUGH" ? new_a : old_a) ^ (same ? mask_b : 36'd0);
  wire [35:0] read_b = (WRITEMODE_B == "WRITETHROUGH" ? new_b : old_b) ^ (same ? mask_a : 36'd0);

  // The ports have one clock, or one of them has none.
  wire clk = CLKA | CLKB;
  always_ff @(posedge clk) begin
    if (write_a) mem[at_a[13:5]] <= new_a;
    if (write_b) mem[at_b[13:5]] <= write_a && same ? (new_a & ~mask_b) | (data_b & mask_b) : new_b;
  end

  logic [35:0] q_a, q_b;
  wire load_a = on_a && !(write_a && WRITEMODE_A == "NORMAL");
  wire load_b = on_b && !(write_b && WRITEMODE_B == "NORMAL");
  initial q_a = 36'd0;
  initial q_b = 36'd0;
  if (RESETMODE == "ASYNC") begin : gen_async
    always_ff @(posedge clk, posedge RSTA) begin
      if (RSTA)        q_a <= 36'd0;
      else if (load_a) q_a <= word(DATA_WIDTH_A, at_a, read_a);
    end
    always_ff @(posedge clk, posedge RSTB) begin
      if (RSTB)        q_b <= 36'd0;
      else if (load_b) q_b <= word(DATA_WIDTH_B, at_b, read_b);
    end
  end else begin : gen_sync
    always_ff @(posedge clk) begin
      if (RSTA)        q_a <= 36'd0;
      else if (load_a) q_a <= word(DATA_WIDTH_A, at_a, read_a);
      if (RSTB)        q_b <= 36'd0;
      else if (load_b) q_b <= word(DATA_WIDTH_B, at_b, read_b);
    end
  end

  logic [35:0] behind_a, behind_b;
  initial behind_a = 36'd0;
  initial behind_b = 36'd0;
  always_ff @(posedge clk) begin
    if (RSTA)      behind_a <= 36'd0;
    else if (OCEA) behind_a <= q_a;
    if (RSTB)      behind_b <= 36'd0;
    else if (OCEB) behind_b <= q_b;
  end
  wire [35:0] y_a = REGMODE_A == "OUTREG" ? behind_a : q_a;
  wire [35:0] y_b = REGMODE_B == "OUTREG" ? behind_b : q_b;
  wire [17:0] out_a = DATA_WIDTH_B == 36 ? y_b[17:0] : y_a[17:0];
  wire [17:0] out_b = DATA_WIDTH_B == 36 ? y_b[35:18] : y_b[17:0];
  assign {
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
    DOA0
  } = out_a;
  assign {
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
    DOB0
  } = out_b;
endmodule

// Multiplier of 18 x 18 bits: P = A * B, A and B signed where SIGNEDA and SIGNEDB are high.
//
// Registers: of A and B with their signs (REG_INPUTA_CLK and REG_INPUTB_CLK), and of P (REG_OUTPUT_CLK), each NONE or
//            CLK0; CE0 enables them, RST0 clears them with the clock, whatever CE0 is. The pipeline's is not modelled.
module MULT18X18D (
  input  logic
    A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input  logic
    B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input  logic
    C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
  input  logic SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
  output logic
    P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14,
    P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  parameter REG_INPUTA_CLK = "NONE";
  parameter REG_INPUTB_CLK = "NONE";
  parameter REG_PIPELINE_CLK = "NONE";
  parameter REG_OUTPUT_CLK = "NONE";

  if ((REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0") || (REG_INPUTB_CLK != "NONE" && REG_INPUTB_CLK != "CLK0")
      || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0")) begin : gen_check_register
    $fatal(1, "MULT18X18D: REG_INPUTA_CLK, REG_INPUTB_CLK and REG_OUTPUT_CLK must be NONE or CLK0, not %s %s %s",
           REG_INPUTA_CLK, REG_INPUTB_CLK, REG_OUTPUT_CLK);
  end
  if (REG_PIPELINE_CLK != "NONE") begin : gen_check_pipeline
    $fatal(1, "MULT18X18D: REG_PIPELINE_CLK must be NONE, not %s", REG_PIPELINE_CLK);
  end

  wire [17:0] a =
    {
      A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0
    };
  wire [17:0] b =
    {
      B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0
    };
  logic [18:0] a_q, b_q;  // the sign above
  logic signed [35:0] p_q;
  initial a_q = 19'd0;
  initial b_q = 19'd0;
  initial p_q = 36'd0;
  wire [18:0] taken_a = REG_INPUTA_CLK == "CLK0" ? a_q : {SIGNEDA, a};
  wire [18:0] taken_b = REG_INPUTB_CLK == "CLK0" ? b_q : {SIGNEDB, b};
  wire signed [35:0] wide_a = {{18{&taken_a[18:17]}}, taken_a[17:0]};
  wire signed [35:0] wide_b = {{18{&taken_b[18:17]}}, taken_b[17:0]};
  wire signed [35:0] made = wide_a * wide_b;
  always_ff @(posedge CLK0) begin
    if (RST0) begin
      a_q <= 19'd0;
      b_q <= 19'd0;
      p_q <= 36'd0;
    end else if (CE0) begin
      a_q <= {SIGNEDA, a};
      b_q <= {SIGNEDB, b};
      p_q <= made;
    end
  end
  wire [35:0] product = REG_OUTPUT_CLK == "CLK0" ? p_q : made;
  assign {
    P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14,
    P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
  } = product;
endmodule
