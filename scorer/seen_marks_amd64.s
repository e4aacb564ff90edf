#include "textflag.h"

// func findMarkOfMany(marks []byte, mark uint16) int
//
// SI the marks, DI those still to be compared, BX the last 16 bytes of them all, X0 the mark eight times.
TEXT ·findMarkOfMany(SB), NOSPLIT, $0-40
	MOVQ    marks_base+0(FP), SI
	MOVQ    marks_len+8(FP), CX
	MOVWLZX mark+24(FP), AX
	MOVD    AX, X0
	PSHUFLW $0, X0, X0
	PSHUFD  $0, X0, X0
	MOVQ    SI, DI
	LEAQ    -16(SI)(CX*1), BX
	LEAQ    -48(BX), CX

many: // 32 marks at a time, as long as the mark is not among them
	CMPQ     DI, CX
	JHI      some
	MOVOU    (DI), X1
	MOVOU    16(DI), X2
	MOVOU    32(DI), X3
	MOVOU    48(DI), X4
	PCMPEQW  X0, X1
	PCMPEQW  X0, X2
	PCMPEQW  X0, X3
	PCMPEQW  X0, X4
	POR      X2, X1
	POR      X4, X3
	POR      X3, X1
	PMOVMSKB X1, DX
	TESTL    DX, DX
	JNE      some
	ADDQ     $64, DI
	JMP      many

some: // 8 at a time
	CMPQ     DI, BX
	JHI      rest
	MOVOU    (DI), X1
	PCMPEQW  X0, X1
	PMOVMSKB X1, DX
	TESTL    DX, DX
	JNE      found
	ADDQ     $16, DI
	JMP      some

rest: // the last 8, of which some were compared already
	MOVQ     BX, DI
	MOVOU    (DI), X1
	PCMPEQW  X0, X1
	PMOVMSKB X1, DX
	TESTL    DX, DX
	JNE      found
	MOVQ     $-1, ret+32(FP)
	RET

found:
	BSFL DX, DX
	SUBQ SI, DI
	ADDQ DX, DI
	SHRQ $1, DI
	MOVQ DI, ret+32(FP)
	RET
