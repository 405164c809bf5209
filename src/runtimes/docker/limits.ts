/** Every bound of the Docker runtime in one place. Times in milliseconds, sizes in bytes. */
export const limits = {
  /** Calls that only look something up. */
  callMs: 10_000,
  /** Start, create, remove: slow on a loaded machine (20 parallel starts were seen to take 4 s). */
  changeMs: 60_000,
  /** While a call takes long, the engine is asked this often whether it is there, and must answer within that. */
  pulseEveryMs: 2_000,
  pulseMs: 3_000,
  /** On top of the stop timeout, until the engine must have told that the kill worked. */
  stopMarginMs: 30_000,
  /** Whether an engine is there at all: one whose socket accepts may be busy. Without one the answer comes at once. */
  detectMs: 5_000,
  /** So many events of a stream are remembered, to know one that is told twice. */
  knownEventsMax: 128,
  /** A registry is asked whether it takes credentials. */
  loginMs: 30_000,
  /** A pull without a byte of progress for this long has broken off. */
  pullStallMs: 120_000,
  /** Importing the hello image: about 100 MB through the socket. */
  importMs: 120_000,
  /** Importing the sandbox image: a few hundred bytes. */
  importSandboxMs: 20_000,
  /** A sandbox that ended is started again after this long: not while its engine is shutting down. */
  mendAfterMs: 2_000,
  /** And not again within this long: one that cannot stay up is made when its instance wakes. */
  mendAgainMs: 60_000,
  /** How long a name may be taken before there is a container of it, and how often is looked. */
  nameMs: 5_000,
  nameLookMs: 50,
  /** Sandboxes are made ahead and mended while nothing starts; after this long they no longer wait for that. */
  stillMs: 5_000,
  /** A sandbox runs one program of one thread; starting it takes the engine a few more, and some memory. */
  sandboxPids: 64,
  sandboxMemoryBytes: 32 * 1024 * 1024,
  /** Sandboxes at most, unless told otherwise; each costs a few megabytes. */
  sandboxesDefault: 200,
  /** As many ports as a Linux bridge has. */
  sandboxesMost: 1_000,
  /** Between two progress messages of one pull. */
  progressGapMs: 500,
  /** One connection to a container's own address, once per engine. Longer than the second that a lost ARP costs. */
  reachMs: 2_500,
  /** Processes that an engine lost track of: so long they are given to go, and looked for this often. */
  lostMs: 2_000,
  lostLookMs: 10,
  /** Files of /proc read at once while looking. */
  procReadsAtOnce: 16,
  /** Back-off of the event stream: doubles from the first to the last. */
  reconnectFirstMs: 100,
  reconnectLastMs: 5_000,
  /** A follower of logs looks again after this long, should nothing tell it to. */
  followAgainMs: 5_000,
  /** Between two looks whether a command whose streams have ended is over. */
  execLookMs: 20,
  /** Inspections at once while listing. */
  inspectsAtOnce: 8,
  /** One line of JSON in a stream of the engine. */
  jsonLineBytesMax: 1024 * 1024,
  /** One log line; a longer one is cut into lines of this length. */
  logLineBytesMax: 256 * 1024,
  /** How many of the engine's messages, cut at 16 KB, the longest line takes. */
  messagesOfOneLine: 16,
  /** One frame of a log stream: the engine itself cuts at 16 KB. */
  logFrameBytesMax: 1024 * 1024,
  /** Last lines kept of a removed instance, their characters in all, and of how many instances. */
  keptLines: 100,
  keptCharacters: 64 * 1024,
  keptInstances: 200,
  /** What the engine keeps of one instance's output on disk. */
  logFileSize: '10m',
  logFiles: '2',
} as const;
