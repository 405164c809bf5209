/**
 * The program of every sandbox, in machine code: it blocks the signals that mean "end", waits for one of them, and
 * exits with 0. Blocked signals reach PID 1 too, which ignores others that it has no handler for. Pure.
 */
import { dataAddress, type Processor, staticElf } from './static-elf.ts';

/** HUP, INT, QUIT and TERM: signal n is bit n-1. */
const endSignals = 0x4007n;
/** Size of the kernel's signal set, which its calls want to be told. */
const signalSetBytes = 8;
const blockSignals = 0;

export function sandboxProgram(processor: Processor): Uint8Array {
  const signalSet = new Uint8Array(signalSetBytes);
  new DataView(signalSet.buffer).setBigUint64(0, endSignals, true);
  const code = processor === 'amd64' ? amd64Code(dataAddress) : arm64Code(dataAddress);
  return staticElf(processor, signalSet, code);
}

/** Intel's manual, volume 2; a system call takes its number in eax, arguments in rdi, rsi, rdx, r10. */
function amd64Code(setAddress: number): Uint8Array {
  const le32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
  const syscall = (number: number): number[] => [0xb8, ...le32(number), 0x0f, 0x05]; // mov eax, number; syscall
  const clearEdx = [0x31, 0xd2];
  const setSizeToR10 = [0x41, 0xba, ...le32(signalSetBytes)];
  const block = [
    ...[0xbf, ...le32(blockSignals)], // mov edi, how
    ...[0xbe, ...le32(setAddress)], // mov esi, set
    ...clearEdx, // no old set
    ...setSizeToR10,
    ...syscall(14), // rt_sigprocmask
  ];
  const wait = [
    ...[0xbf, ...le32(setAddress)], // mov edi, set
    ...[0x31, 0xf6], // xor esi, esi: nothing more about the signal
    ...clearEdx, // no deadline
    ...setSizeToR10,
    ...syscall(128), // rt_sigtimedwait
    ...[0x85, 0xc0], // test eax, eax
  ];
  const jumpBytes = 2;
  // js: a negative answer is an interruption, such as a freeze
  const waitAgain = [0x78, -(wait.length + jumpBytes) & 0xff];
  const exit = [0x31, 0xff, ...syscall(231)]; // xor edi, edi; exit_group
  return Uint8Array.from([...block, ...wait, ...waitAgain, ...exit]);
}

/** Arm's manual DDI 0487; a system call takes its number in x8, arguments from x0 on. The code follows the set. */
function arm64Code(setAddress: number): Uint8Array {
  const start = setAddress + signalSetBytes;
  const words: number[] = [];
  const here = (): number => start + words.length * 4;
  const mov = (register: number, value: number): void =>
    void words.push((0xd280_0000 | (value << 5) | register) >>> 0); // movz xN, #value
  const adr = (register: number, address: number): void => {
    const delta = address - here();
    const [low, high] = [delta & 3, (delta >> 2) & 0x7_ffff];
    words.push((0x1000_0000 | (low << 29) | (high << 5) | register) >>> 0);
  };
  const syscall = (number: number): void => {
    mov(8, number);
    words.push(0xd400_0001); // svc #0
  };
  mov(0, blockSignals);
  adr(1, setAddress);
  mov(2, 0); // no old set
  mov(3, signalSetBytes);
  syscall(135); // rt_sigprocmask
  const wait = here();
  adr(0, setAddress);
  mov(1, 0); // nothing more about the signal
  mov(2, 0); // no deadline
  mov(3, signalSetBytes);
  syscall(137); // rt_sigtimedwait
  const back = ((wait - here()) >> 2) & 0x3fff;
  words.push((0x37f8_0000 | (back << 5)) >>> 0); // tbnz w0, #31: a negative answer is an interruption
  mov(0, 0);
  syscall(94); // exit_group
  const code = new Uint8Array(words.length * 4);
  const view = new DataView(code.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  return code;
}
