// Written by scripts/generate.mjs from the .proto files. Do not edit.
/* eslint-disable */

import type { Reader } from "../wire.js";
import type { LossMissing, LossReason, LossSource, ProgramState, StatsMissing, TerminationMissing } from "./taskbroker/v1/event_pb.js";
import type { SampleState } from "./taskbroker/v1/sample_pb.js";

export class ForkData {
  parentTid: number = 0;
  parentPid: number = 0;
  parentTidStartBootNs: bigint = 0n;
}

export function readForkData(r: Reader, end: number): ForkData {
  const m = new ForkData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.parentTid = r.uint32();
        break;
      case 16:
        m.parentPid = r.uint32();
        break;
      case 25:
        m.parentTidStartBootNs = r.fixed64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class ProgramData {
  state: ProgramState = 0;
  cmdline: string = "";
  exe: string = "";
  cgroup: string = "";
  truncated: boolean = false;
  exeWithheld: boolean = false;
}

export function readProgramData(r: Reader, end: number): ProgramData {
  const m = new ProgramData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.state = r.uint32() as ProgramState;
        break;
      case 18:
        m.cmdline = r.text(end);
        break;
      case 26:
        m.exe = r.text(end);
        break;
      case 34:
        m.cgroup = r.text(end);
        break;
      case 40:
        m.truncated = r.bool();
        break;
      case 48:
        m.exeWithheld = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class ExecData {
  commStale: boolean = false;
  program: ProgramData | undefined = undefined;
}

export function readExecData(r: Reader, end: number): ExecData {
  const m = new ExecData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.commStale = r.bool();
        break;
      case 18:
        m.program = readProgramData(r, r.length(end));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TerminationData {
  exitCode: number = 0;
  termSignal: number = 0;
  coreDumped: boolean = false;
}

export function readTerminationData(r: Reader, end: number): TerminationData {
  const m = new TerminationData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.exitCode = r.uint32();
        break;
      case 16:
        m.termSignal = r.uint32();
        break;
      case 24:
        m.coreDumped = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsIdentityData {
  acPid: number = 0;
  acTgid: number = 0;
  acPpid: number = 0;
  acUid: number = 0;
  acGid: number = 0;
  acComm: string = "";
  acFlag: number = 0;
  acBtimeS: number = 0;
  acBtime64S: bigint = 0n;
  acEtimeUs: bigint = 0n;
  acTgetimeUs: bigint = 0n;
}

export function readTaskStatsIdentityData(r: Reader, end: number): TaskStatsIdentityData {
  const m = new TaskStatsIdentityData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.acPid = r.uint32();
        break;
      case 16:
        m.acTgid = r.uint32();
        break;
      case 24:
        m.acPpid = r.uint32();
        break;
      case 32:
        m.acUid = r.uint32();
        break;
      case 40:
        m.acGid = r.uint32();
        break;
      case 50:
        m.acComm = r.text(end);
        break;
      case 56:
        m.acFlag = r.uint32();
        break;
      case 64:
        m.acBtimeS = r.uint32();
        break;
      case 72:
        m.acBtime64S = r.uint64();
        break;
      case 80:
        m.acEtimeUs = r.uint64();
        break;
      case 88:
        m.acTgetimeUs = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsCpuData {
  cpuRunVirtualTotalNs: bigint = 0n;
  cpuRunRealTotalNs: bigint = 0n;
  acUtimeUs: bigint = 0n;
  acStimeUs: bigint = 0n;
  acUtimescaledUs: bigint = 0n;
  acStimescaledUs: bigint = 0n;
  cpuScaledRunRealTotalNs: bigint = 0n;
}

export function readTaskStatsCpuData(r: Reader, end: number): TaskStatsCpuData {
  const m = new TaskStatsCpuData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.cpuRunVirtualTotalNs = r.uint64();
        break;
      case 16:
        m.cpuRunRealTotalNs = r.uint64();
        break;
      case 24:
        m.acUtimeUs = r.uint64();
        break;
      case 32:
        m.acStimeUs = r.uint64();
        break;
      case 40:
        m.acUtimescaledUs = r.uint64();
        break;
      case 48:
        m.acStimescaledUs = r.uint64();
        break;
      case 56:
        m.cpuScaledRunRealTotalNs = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsMemoryData {
  acMinflt: bigint = 0n;
  acMajflt: bigint = 0n;
  hiwaterRssKib: bigint = 0n;
  hiwaterVmKib: bigint = 0n;
}

export function readTaskStatsMemoryData(r: Reader, end: number): TaskStatsMemoryData {
  const m = new TaskStatsMemoryData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.acMinflt = r.uint64();
        break;
      case 16:
        m.acMajflt = r.uint64();
        break;
      case 24:
        m.hiwaterRssKib = r.uint64();
        break;
      case 32:
        m.hiwaterVmKib = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsSchedulingData {
  nvcsw: bigint = 0n;
  nivcsw: bigint = 0n;
  acSched: number = 0;
  acNice: number = 0;
}

export function readTaskStatsSchedulingData(r: Reader, end: number): TaskStatsSchedulingData {
  const m = new TaskStatsSchedulingData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.nvcsw = r.uint64();
        break;
      case 16:
        m.nivcsw = r.uint64();
        break;
      case 24:
        m.acSched = r.uint32();
        break;
      case 32:
        m.acNice = r.sint32();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsIoData {
  readCharBytes: bigint = 0n;
  writeCharBytes: bigint = 0n;
  readSyscalls: bigint = 0n;
  writeSyscalls: bigint = 0n;
  readBytes: bigint = 0n;
  writeBytes: bigint = 0n;
  cancelledWriteBytes: bigint = 0n;
}

export function readTaskStatsIoData(r: Reader, end: number): TaskStatsIoData {
  const m = new TaskStatsIoData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.readCharBytes = r.uint64();
        break;
      case 16:
        m.writeCharBytes = r.uint64();
        break;
      case 24:
        m.readSyscalls = r.uint64();
        break;
      case 32:
        m.writeSyscalls = r.uint64();
        break;
      case 40:
        m.readBytes = r.uint64();
        break;
      case 48:
        m.writeBytes = r.uint64();
        break;
      case 56:
        m.cancelledWriteBytes = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsDelayPeakData {
  maxNs: bigint = 0n;
  minNs: bigint = 0n;
  maxTimeNs: bigint = 0n;
}

export function readTaskStatsDelayPeakData(r: Reader, end: number): TaskStatsDelayPeakData {
  const m = new TaskStatsDelayPeakData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.maxNs = r.uint64();
        break;
      case 16:
        m.minNs = r.uint64();
        break;
      case 25:
        m.maxTimeNs = r.fixed64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsDelayData {
  count: bigint = 0n;
  totalNs: bigint = 0n;
  peak: TaskStatsDelayPeakData | undefined = undefined;
}

export function readTaskStatsDelayData(r: Reader, end: number): TaskStatsDelayData {
  const m = new TaskStatsDelayData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.count = r.uint64();
        break;
      case 16:
        m.totalNs = r.uint64();
        break;
      case 26:
        m.peak = readTaskStatsDelayPeakData(r, r.length(end));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsDelaysData {
  cpu: TaskStatsDelayData | undefined = undefined;
  blkio: TaskStatsDelayData | undefined = undefined;
  swapin: TaskStatsDelayData | undefined = undefined;
  freepages: TaskStatsDelayData | undefined = undefined;
  thrashing: TaskStatsDelayData | undefined = undefined;
  compact: TaskStatsDelayData | undefined = undefined;
  wpcopy: TaskStatsDelayData | undefined = undefined;
  irq: TaskStatsDelayData | undefined = undefined;
}

export function readTaskStatsDelaysData(r: Reader, end: number): TaskStatsDelaysData {
  const m = new TaskStatsDelaysData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.cpu = readTaskStatsDelayData(r, r.length(end));
        break;
      case 18:
        m.blkio = readTaskStatsDelayData(r, r.length(end));
        break;
      case 26:
        m.swapin = readTaskStatsDelayData(r, r.length(end));
        break;
      case 34:
        m.freepages = readTaskStatsDelayData(r, r.length(end));
        break;
      case 42:
        m.thrashing = readTaskStatsDelayData(r, r.length(end));
        break;
      case 50:
        m.compact = readTaskStatsDelayData(r, r.length(end));
        break;
      case 58:
        m.wpcopy = readTaskStatsDelayData(r, r.length(end));
        break;
      case 66:
        m.irq = readTaskStatsDelayData(r, r.length(end));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsExecutableData {
  acExeDev: bigint = 0n;
  acExeInode: bigint = 0n;
}

export function readTaskStatsExecutableData(r: Reader, end: number): TaskStatsExecutableData {
  const m = new TaskStatsExecutableData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.acExeDev = r.uint64();
        break;
      case 16:
        m.acExeInode = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsMemoryIntegralsData {
  corememMibUs: bigint = 0n;
  virtmemMibUs: bigint = 0n;
}

export function readTaskStatsMemoryIntegralsData(r: Reader, end: number): TaskStatsMemoryIntegralsData {
  const m = new TaskStatsMemoryIntegralsData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.corememMibUs = r.uint64();
        break;
      case 16:
        m.virtmemMibUs = r.uint64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsExitStatusData {
  acExitcode: number = 0;
}

export function readTaskStatsExitStatusData(r: Reader, end: number): TaskStatsExitStatusData {
  const m = new TaskStatsExitStatusData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.acExitcode = r.uint32();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsData {
  identity: TaskStatsIdentityData | undefined = undefined;
  cpu: TaskStatsCpuData | undefined = undefined;
  memory: TaskStatsMemoryData | undefined = undefined;
  scheduling: TaskStatsSchedulingData | undefined = undefined;
  io: TaskStatsIoData | undefined = undefined;
  delays: TaskStatsDelaysData | undefined = undefined;
  executable: TaskStatsExecutableData | undefined = undefined;
  memoryIntegrals: TaskStatsMemoryIntegralsData | undefined = undefined;
  exitStatus: TaskStatsExitStatusData | undefined = undefined;
  taskstatsVersion: number = 0;
  unsupportedGroups: number = 0;
  uncountedGroups: number = 0;
  withheldGroups: number = 0;
  taskCount: number = 0;
  tasksMissing: number = 0;
  tasksUnseen: boolean = false;
}

export function readTaskStatsData(r: Reader, end: number): TaskStatsData {
  const m = new TaskStatsData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.identity = readTaskStatsIdentityData(r, r.length(end));
        break;
      case 18:
        m.cpu = readTaskStatsCpuData(r, r.length(end));
        break;
      case 26:
        m.memory = readTaskStatsMemoryData(r, r.length(end));
        break;
      case 34:
        m.scheduling = readTaskStatsSchedulingData(r, r.length(end));
        break;
      case 42:
        m.io = readTaskStatsIoData(r, r.length(end));
        break;
      case 50:
        m.delays = readTaskStatsDelaysData(r, r.length(end));
        break;
      case 58:
        m.executable = readTaskStatsExecutableData(r, r.length(end));
        break;
      case 66:
        m.memoryIntegrals = readTaskStatsMemoryIntegralsData(r, r.length(end));
        break;
      case 74:
        m.exitStatus = readTaskStatsExitStatusData(r, r.length(end));
        break;
      case 80:
        m.taskstatsVersion = r.uint32();
        break;
      case 88:
        m.unsupportedGroups = r.uint32();
        break;
      case 96:
        m.uncountedGroups = r.uint32();
        break;
      case 104:
        m.withheldGroups = r.uint32();
        break;
      case 112:
        m.taskCount = r.uint32();
        break;
      case 120:
        m.tasksMissing = r.uint32();
        break;
      case 128:
        m.tasksUnseen = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class ProcessLeaderData {
  startBootNs: bigint = 0n;
  startTimeNs: bigint = 0n;
  uid: number = 0;
  comm: string = "";
  commStale: boolean = false;
}

export function readProcessLeaderData(r: Reader, end: number): ProcessLeaderData {
  const m = new ProcessLeaderData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 9:
        m.startBootNs = r.fixed64();
        break;
      case 17:
        m.startTimeNs = r.fixed64();
        break;
      case 24:
        m.uid = r.uint32();
        break;
      case 34:
        m.comm = r.text(end);
        break;
      case 40:
        m.commStale = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class ExitData {
  termination: TerminationData | undefined = undefined;
  processEnded: boolean = false;
  stats: TaskStatsData | undefined = undefined;
  processStats: TaskStatsData | undefined = undefined;
  statsMissing: StatsMissing = 0;
  exitSignal: number = 0;
  processTermination: TerminationData | undefined = undefined;
  program: ProgramData | undefined = undefined;
  terminationMissing: TerminationMissing = 0;
  processTerminationMissing: TerminationMissing = 0;
  leader: ProcessLeaderData | undefined = undefined;
  exitSignalMissing: boolean = false;
}

export function readExitData(r: Reader, end: number): ExitData {
  const m = new ExitData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.termination = readTerminationData(r, r.length(end));
        break;
      case 16:
        m.processEnded = r.bool();
        break;
      case 26:
        m.stats = readTaskStatsData(r, r.length(end));
        break;
      case 34:
        m.processStats = readTaskStatsData(r, r.length(end));
        break;
      case 40:
        m.statsMissing = r.uint32() as StatsMissing;
        break;
      case 48:
        m.exitSignal = r.uint32();
        break;
      case 58:
        m.processTermination = readTerminationData(r, r.length(end));
        break;
      case 66:
        m.program = readProgramData(r, r.length(end));
        break;
      case 72:
        m.terminationMissing = r.uint32() as TerminationMissing;
        break;
      case 80:
        m.processTerminationMissing = r.uint32() as TerminationMissing;
        break;
      case 90:
        m.leader = readProcessLeaderData(r, r.length(end));
        break;
      case 96:
        m.exitSignalMissing = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class CommChangeData {
  oldComm: string = "";
}

export function readCommChangeData(r: Reader, end: number): CommChangeData {
  const m = new CommChangeData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.oldComm = r.text(end);
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class IdChangeData {
  realId: number = 0;
  effectiveId: number = 0;
}

export function readIdChangeData(r: Reader, end: number): IdChangeData {
  const m = new IdChangeData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.realId = r.uint32();
        break;
      case 16:
        m.effectiveId = r.uint32();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class NewSessionData {
}

export function readNewSessionData(r: Reader, end: number): NewSessionData {
  const m = new NewSessionData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class ProcessIdData {
  pid: number = 0;
  startBootNs: bigint = 0n;
}

export function readProcessIdData(r: Reader, end: number): ProcessIdData {
  const m = new ProcessIdData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.pid = r.uint32();
        break;
      case 17:
        m.startBootNs = r.fixed64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class PtraceData {
  tracerPid: number = 0;
  tracerTid: number = 0;
  tracer: ProcessIdData | undefined = undefined;
  tracerStartBootNs: bigint = 0n;
}

export function readPtraceData(r: Reader, end: number): PtraceData {
  const m = new PtraceData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.tracerPid = r.uint32();
        break;
      case 16:
        m.tracerTid = r.uint32();
        break;
      case 26:
        m.tracer = readProcessIdData(r, r.length(end));
        break;
      case 33:
        m.tracerStartBootNs = r.fixed64();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class CoredumpData {
}

export function readCoredumpData(r: Reader, end: number): CoredumpData {
  const m = new CoredumpData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class LossData {
  count: bigint = 0n;
  source: LossSource = 0;
  reason: LossReason = 0;
  atLeast: boolean = false;
  cpuKnown: boolean = false;
  sinceTimeNs: bigint = 0n;
  missing: LossMissing = 0;
}

export function readLossData(r: Reader, end: number): LossData {
  const m = new LossData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.count = r.uint64();
        break;
      case 16:
        m.source = r.uint32() as LossSource;
        break;
      case 24:
        m.reason = r.uint32() as LossReason;
        break;
      case 32:
        m.atLeast = r.bool();
        break;
      case 40:
        m.cpuKnown = r.bool();
        break;
      case 49:
        m.sinceTimeNs = r.fixed64();
        break;
      case 56:
        m.missing = r.uint32() as LossMissing;
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class EventData {
  /** The number of the member of the oneof that is set. 0: none that this package knows. */
  set = 0;
  fork: ForkData | undefined = undefined;
  exec: ExecData | undefined = undefined;
  exit: ExitData | undefined = undefined;
  commChange: CommChangeData | undefined = undefined;
  uidChange: IdChangeData | undefined = undefined;
  gidChange: IdChangeData | undefined = undefined;
  newSession: NewSessionData | undefined = undefined;
  ptrace: PtraceData | undefined = undefined;
  coredump: CoredumpData | undefined = undefined;
  loss: LossData | undefined = undefined;
  timeNs: bigint = 0n;
  pid: number = 0;
  tid: number = 0;
  uid: number = 0;
  comm: string = "";
  startBootNs: bigint = 0n;
  maker: ProcessIdData | undefined = undefined;
  parent: ProcessIdData | undefined = undefined;
  ppid: number = 0;
  startTimeNs: bigint = 0n;
  cpu: number = 0;
  taskUnknown: boolean = false;
  commStale: boolean = false;
  synthesised: boolean = false;
  leftFilter: boolean = false;
  restricted: boolean = false;
}

export function readEventData(r: Reader, end: number): EventData {
  const m = new EventData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.fork = readForkData(r, r.length(end));
        m.set = 1;
        break;
      case 18:
        m.exec = readExecData(r, r.length(end));
        m.set = 2;
        break;
      case 26:
        m.exit = readExitData(r, r.length(end));
        m.set = 3;
        break;
      case 34:
        m.commChange = readCommChangeData(r, r.length(end));
        m.set = 4;
        break;
      case 42:
        m.uidChange = readIdChangeData(r, r.length(end));
        m.set = 5;
        break;
      case 50:
        m.gidChange = readIdChangeData(r, r.length(end));
        m.set = 6;
        break;
      case 58:
        m.newSession = readNewSessionData(r, r.length(end));
        m.set = 7;
        break;
      case 66:
        m.ptrace = readPtraceData(r, r.length(end));
        m.set = 8;
        break;
      case 74:
        m.coredump = readCoredumpData(r, r.length(end));
        m.set = 9;
        break;
      case 82:
        m.loss = readLossData(r, r.length(end));
        m.set = 10;
        break;
      case 89:
        m.timeNs = r.fixed64();
        break;
      case 96:
        m.pid = r.uint32();
        break;
      case 104:
        m.tid = r.uint32();
        break;
      case 112:
        m.uid = r.uint32();
        break;
      case 122:
        m.comm = r.text(end);
        break;
      case 129:
        m.startBootNs = r.fixed64();
        break;
      case 138:
        m.maker = readProcessIdData(r, r.length(end));
        break;
      case 146:
        m.parent = readProcessIdData(r, r.length(end));
        break;
      case 152:
        m.ppid = r.uint32();
        break;
      case 161:
        m.startTimeNs = r.fixed64();
        break;
      case 168:
        m.cpu = r.uint32();
        break;
      case 176:
        m.taskUnknown = r.bool();
        break;
      case 184:
        m.commStale = r.bool();
        break;
      case 192:
        m.synthesised = r.bool();
        break;
      case 200:
        m.leftFilter = r.bool();
        break;
      case 208:
        m.restricted = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class EventBatchData {
  firstNumber: bigint = 0n;
  realtimeOffsetNs: bigint = 0n;
  events: EventData[] = [];
}

export function readEventBatchData(r: Reader, end: number): EventBatchData {
  const m = new EventBatchData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.firstNumber = r.uint64();
        break;
      case 17:
        m.realtimeOffsetNs = r.sfixed64();
        break;
      case 26:
        m.events.push(readEventData(r, r.length(end)));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskData {
  pid: number = 0;
  tid: number = 0;
  ppid: number = 0;
  uid: number = 0;
  comm: string = "";
  startTimeNs: bigint = 0n;
  euid: number = 0;
  gid: number = 0;
  egid: number = 0;
  session: number = 0;
  program: ProgramData | undefined = undefined;
  kernelThread: boolean = false;
  credentialsChanged: boolean = false;
  seeded: boolean = false;
  taskUnknown: boolean = false;
  liveTasks: number = 0;
  startBootNs: bigint = 0n;
  commStale: boolean = false;
  maker: ProcessIdData | undefined = undefined;
  parent: ProcessIdData | undefined = undefined;
  sessionLeader: ProcessIdData | undefined = undefined;
}

export function readTaskData(r: Reader, end: number): TaskData {
  const m = new TaskData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.pid = r.uint32();
        break;
      case 16:
        m.tid = r.uint32();
        break;
      case 24:
        m.ppid = r.uint32();
        break;
      case 32:
        m.uid = r.uint32();
        break;
      case 42:
        m.comm = r.text(end);
        break;
      case 49:
        m.startTimeNs = r.fixed64();
        break;
      case 56:
        m.euid = r.uint32();
        break;
      case 64:
        m.gid = r.uint32();
        break;
      case 72:
        m.egid = r.uint32();
        break;
      case 80:
        m.session = r.uint32();
        break;
      case 90:
        m.program = readProgramData(r, r.length(end));
        break;
      case 96:
        m.kernelThread = r.bool();
        break;
      case 104:
        m.credentialsChanged = r.bool();
        break;
      case 112:
        m.seeded = r.bool();
        break;
      case 120:
        m.taskUnknown = r.bool();
        break;
      case 128:
        m.liveTasks = r.uint32();
        break;
      case 137:
        m.startBootNs = r.fixed64();
        break;
      case 144:
        m.commStale = r.bool();
        break;
      case 154:
        m.maker = readProcessIdData(r, r.length(end));
        break;
      case 162:
        m.parent = readProcessIdData(r, r.length(end));
        break;
      case 170:
        m.sessionLeader = readProcessIdData(r, r.length(end));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class SnapshotPartData {
  tasks: TaskData[] = [];
}

export function readSnapshotPartData(r: Reader, end: number): SnapshotPartData {
  const m = new SnapshotPartData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.tasks.push(readTaskData(r, r.length(end)));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskSampleData {
  pid: number = 0;
  tid: number = 0;
  ppid: number = 0;
  uid: number = 0;
  comm: string = "";
  startTimeNs: bigint = 0n;
  stats: TaskStatsData | undefined = undefined;
  timeNs: bigint = 0n;
  ended: boolean = false;
  termination: TerminationData | undefined = undefined;
  statsMissing: StatsMissing = 0;
  liveTasks: number = 0;
  kernelThread: boolean = false;
  state: SampleState = 0;
  startBootNs: bigint = 0n;
  terminationMissing: TerminationMissing = 0;
  commStale: boolean = false;
  maker: ProcessIdData | undefined = undefined;
  parent: ProcessIdData | undefined = undefined;
  taskUnknown: boolean = false;
  session: number = 0;
  sessionLeader: ProcessIdData | undefined = undefined;
}

export function readTaskSampleData(r: Reader, end: number): TaskSampleData {
  const m = new TaskSampleData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.pid = r.uint32();
        break;
      case 16:
        m.tid = r.uint32();
        break;
      case 24:
        m.ppid = r.uint32();
        break;
      case 32:
        m.uid = r.uint32();
        break;
      case 42:
        m.comm = r.text(end);
        break;
      case 49:
        m.startTimeNs = r.fixed64();
        break;
      case 58:
        m.stats = readTaskStatsData(r, r.length(end));
        break;
      case 65:
        m.timeNs = r.fixed64();
        break;
      case 72:
        m.ended = r.bool();
        break;
      case 82:
        m.termination = readTerminationData(r, r.length(end));
        break;
      case 88:
        m.statsMissing = r.uint32() as StatsMissing;
        break;
      case 96:
        m.liveTasks = r.uint32();
        break;
      case 104:
        m.kernelThread = r.bool();
        break;
      case 112:
        m.state = r.uint32() as SampleState;
        break;
      case 121:
        m.startBootNs = r.fixed64();
        break;
      case 128:
        m.terminationMissing = r.uint32() as TerminationMissing;
        break;
      case 136:
        m.commStale = r.bool();
        break;
      case 146:
        m.maker = readProcessIdData(r, r.length(end));
        break;
      case 154:
        m.parent = readProcessIdData(r, r.length(end));
        break;
      case 160:
        m.taskUnknown = r.bool();
        break;
      case 168:
        m.session = r.uint32();
        break;
      case 178:
        m.sessionLeader = readProcessIdData(r, r.length(end));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class SamplePartData {
  samples: TaskSampleData[] = [];
  number: bigint = 0n;
  last: boolean = false;
  full: boolean = false;
  beginTimeNs: bigint = 0n;
  endTimeNs: bigint = 0n;
  spanNs: bigint = 0n;
  forks: bigint = 0n;
  execs: bigint = 0n;
  exits: bigint = 0n;
  lost: bigint = 0n;
  lostAtLeast: boolean = false;
}

export function readSamplePartData(r: Reader, end: number): SamplePartData {
  const m = new SamplePartData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10:
        m.samples.push(readTaskSampleData(r, r.length(end)));
        break;
      case 16:
        m.number = r.uint64();
        break;
      case 24:
        m.last = r.bool();
        break;
      case 32:
        m.full = r.bool();
        break;
      case 41:
        m.beginTimeNs = r.fixed64();
        break;
      case 49:
        m.endTimeNs = r.fixed64();
        break;
      case 56:
        m.spanNs = r.uint64();
        break;
      case 64:
        m.forks = r.uint64();
        break;
      case 72:
        m.execs = r.uint64();
        break;
      case 80:
        m.exits = r.uint64();
        break;
      case 88:
        m.lost = r.uint64();
        break;
      case 96:
        m.lostAtLeast = r.bool();
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}

export class TaskStatsReplyData {
  requestId: bigint = 0n;
  samples: TaskSampleData[] = [];
}

export function readTaskStatsReplyData(r: Reader, end: number): TaskStatsReplyData {
  const m = new TaskStatsReplyData();
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8:
        m.requestId = r.uint64();
        break;
      case 18:
        m.samples.push(readTaskSampleData(r, r.length(end)));
        break;
      default:
        r.skip(tag, end);
    }
  }
  r.finish(end);
  return m;
}
