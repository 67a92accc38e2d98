// Package pkg holds no code: this file is the map of the house. imapfleet
// migrates fleets of IMAP mailboxes; README.md tells its users how, this tells
// its builders where things live and what must never break.
//
// # The way of the work
//
//	accounts.csv
//	   | account.Load: every bad row is known before the first connection
//	   v
//	[]account.Pair
//	   | batch: one feeder, a bounded errgroup pool, retries and parking
//	   v
//	worker -> mailsync.Engine.Sync(ctx, pair, row, lanes, meter)    one pass of one pair
//	   | throughput.Count + error
//	   v
//	throughput.Result -> throughput.Summary -> stdout and the result files
//
// and of a message within Sync:
//
//	source socket -> wire -> imapconn -> fetcher -> window -> writer -> imapconn -> wire -> destination socket
//	                                                            |
//	                                                tagged OK -> ledger (UID runs), meter
//
// # Who owns what
//
//	cmd/imapfleet   flags, signals, wiring, result files, exit codes; the only one that knows everybody
//	cmd/imapbench   imapfleet's binary against what two Dovecots can do at most (make bench); no part of the product
//	account         the list: Pair, Endpoint, Secret, line-numbered errors
//	rules           what a user says about mailboxes and messages, as flags of a run and as words of a row; below account
//	fault           the one error vocabulary: scope, side, temporary, code, hint; and the table of what servers' refusals mean
//	throughput      counters, rates, Result, Summary, the texts of all result files
//	ledger          what must survive: rows, mailboxes, floors, UID maps as runs, flags, rejects, repairs (SQLite)
//	lockfile        one process at a time holds a file, and says who it is; below ledger
//	wire            a net.Conn under go-imap: timeouts by progress, raw pipelined commands, literals, COMPRESS
//	imapconn        one session: dial, TLS, login, capabilities, one file a command
//	identity        whether two messages are the same one, whatever servers did to them
//	mapping         which mailboxes go, and what each is called at the destination: pure
//	mailsync        the engine: matches, copies, settles
//	verify          both accounts of a row, read afresh and compared: what run has done, proven
//	probe           what the two servers of a pair can do, measured: each alone, and both; it does not know mailsync
//	batch           the runner: which row runs when, who gets free lanes; it does not know mailsync, only its Syncer
//	plan            how long a migration takes: its runs simulated, from sizes and measured rates; pure
//	diagnosis       what keeps a run from being faster: pure, but for what it reads of connections and this machine
//	mxlookup        where a domain's mail goes, and its TTL (DNS)
//	ratelimit       a net.Conn below TLS that holds octets to a rate or a timetable
//	control         how another process asks and steers a run: a socket, and one JSON object a line each way
//	console         what a person sees while it runs
//	imaptest        servers to test and to demonstrate against, and a bad network
//
// Imports go one way: cmd -> batch, console, verify, probe; verify -> mailsync -> imapconn -> wire, with
// mapping between mailsync and imapconn; and everybody may know account, fault, throughput and ledger, which know nobody
// but what a row can say, account -> rules -> ratelimit, and ledger -> lockfile. plan knows
// ratelimit's timetable and throughput's texts, control knows nobody, and only cmd knows
// these two.
// `make arch` holds the graph against testdata/golden/imports.txt; a new arrow
// is a visible change there.
//
// # Goroutines
//
//   - batch: one feeder, and as many workers as the gate lets through. All end
//     before Run returns. An account asks for further lanes from any goroutine:
//     the gate decides under a lock, and nobody waits.
//     The tuners of --parallel auto have none: the feeder asks them on its timer.
//   - a connection: go-imap's one reading goroutine. wire's demultiplexing and
//     the handlers of raw commands run on it; a handler that blocks stops the
//     reading, which is how back-pressure reaches the source.
//   - a lane, while mail moves: the fetcher (source) beside the writer
//     (destination). The writer of a row's first lane is the worker itself;
//     each further lane has a goroutine of its own. All end before Sync returns.
//   - a lane's clock (mailsync) splits its time: that of the goroutine which
//     carries it forward, the worker or the writer. What runs beside that has a
//     clock of its own, from which the first takes over what it waited for; and
//     what a connection waits for its gauge counts, below TLS. The gate measures
//     lane time by itself.
//   - mailsync, beside the lanes: both sides of a row log in, list and end at the
//     same time, a goroutine each, which are waited for at once.
//   - verify: as many rows at a time as there are lanes, an errgroup; within a row
//     a goroutine for each lane, which takes mailboxes from one queue, and within a
//     lane one for each side while both read. All end before Row returns.
//   - probe: a goroutine for each lane of a measurement, and one more that reads
//     where mail goes through; a few at a time log in, look and remove. All end
//     before Run returns.
//   - check: an errgroup of --parallel rows, and within a row one goroutine for the
//     DNS beside those that log in on both sides.
//   - plan: none; the command asks sources as check does, an errgroup of --parallel rows.
//   - mxlookup: none. A question is asked on the goroutine of the first who wants
//     to know; others who ask the same meanwhile wait for it.
//   - ledger: one writer, which owns the database's write connection.
//   - cmd's sampler: one, which looks four times a second at what passes and
//     what lanes do, and judges every few seconds what the bottleneck is.
//   - console: one that draws. cmd: one that keeps the result files current, and
//     one that waits for a signal.
//   - control: one that accepts, and one for each client, at most eight. What a
//     client orders is done by batch's feeder, between two of its steps.
//
// A panic in any goroutine of a row is that row's fault, with its stack in run.log.
//
// # What must never break
//
//   - The source is only read: EXAMINE and BODY.PEEK.
//   - The destination is only added to: no EXPUNGE, no CLOSE. Flags change there
//     by what has changed at the source, and never as a whole. Only if the user
//     asks for it are messages taken away or moved: those that we put there and
//     nobody touched, by UID EXPUNGE and UID MOVE of just these. DELETE is sent by
//     probe alone, for mailboxes of its own.
//   - Floor before act: before octets leave for a mailbox, its floor (UIDNEXT)
//     is durable. Whatever stands at or above it and is in no UID map may be
//     ours: it is matched, as a multiset, before anything is sent again. So a
//     run that is killed at any instant and run again gives one copy of each.
//   - The ledger learns of a message after the destination's tagged OK, never
//     before. Runs may be written lazily: a lost one is found again above the
//     floor. A floor moves up only together with all runs below it.
//   - A half-written literal closes the socket; a message is never a command:
//     only validated heads stand before a literal that is not waited for.
//   - One row's trouble is its own. Only faults of scope Run stop the run.
//   - A password leaves account.Secret only for the socket.
//
// # Choices that were weighed
//
//   - Dates and sizes are read and judged here, not by SEARCH: servers differ in
//     whose day it is, and some in what a size is. What a rule leaves out is
//     matched with the destination all the same, so that a floor that went up
//     hides nothing from the next run, whose rules may be others.
//   - A floor per link of a source mailbox to its destination, not one per
//     destination mailbox: sources that merge must each be matched from their
//     own beginning, and a floor that is per link is never above what that link
//     may have added.
//   - SELECT, SEARCH, STATUS, LIST, FETCH, ID and NAMESPACE are raw commands
//     through wire, not go-imap's: its parser ends the connection on any
//     surprise, and servers are full of them. go-imap does greeting,
//     capabilities, login and LOGOUT.
//   - Several UID FETCH in flight, but a second one about the same mailbox only
//     once the last message of the first has begun to come: Dovecot mixes the
//     answers of two when its output is full, which would lose the order of
//     messages. Between two mailboxes EXAMINE keeps them apart.
//   - Sources that merge share the gate of their destination mailbox: one that
//     settled while another was sending would adopt an equal message of its.
//   - A name that gives way is derived from names of the source alone, not from
//     what the destination lists: with the ledger lost, mail is found again
//     under it. A mailbox that is refused is asked for under another name, not
//     under one guessed beforehand: a server's limits cannot be asked for.
//   - Lanes share a mailbox only where the destination says under which UIDs it
//     stores; who settles has the mailbox to itself, and who must look up what is
//     stored for certain comes before who doubts (else one could adopt the copy
//     of an equal message, and that one would never be sent again).
//   - A further lane that is lost is not replaced and its work not handed over:
//     what is unfinished is begun again by the first lane, as after a crash. That
//     is rare, and a second way to hand over messages would be one more to lose
//     them.
//   - Batches begin small and grow with quick answers: what is on its way when
//     the process dies must be stored or lost before a rerun has looked twice.
//   - COMPRESS is tried, not guessed: a client cannot tell a slow link from a
//     slow server far away, so one connection of a host tries it and the others
//     follow its verdict (imapconn.Compressor). Each write is deflated by
//     itself: what remembers earlier ones costs a megabyte a connection.
//   - The source is read 8 MiB ahead of the destination, further only where the
//     way to it holds more: a longer queue makes no destination faster, and a
//     quarter of a copy's processor time went into memory used for the first time.
//   - A ledger is looked at as a whole (quick_check) only after a process that
//     did not come to its end: with many accounts that takes seconds. One that is
//     damaged is not mended but set aside: what the destination holds is found
//     again by identity, and a half-right map of UIDs would lose mail.
//   - Before each commit the ledger looks whether its directory is still where it
//     was: SQLite goes on writing to files that were moved away.
//   - UID maps as runs (5001:5200 -> 41:240): a row a batch, not a row a message.
//   - A row that waits for a parked host is not written as parked: there may be a
//     hundred thousand of them. The ledger has the hosts, and who reads it puts
//     the two together.
//   - What an unnumbered limit of connections is follows from the logins that
//     stand, not from the lanes given out: many of these are about to be refused.
//   - Rates are made of counters in one place, throughput.Watch, which all who show
//     a run look through: two windows over one counter would show two rates.
//   - When a run ends is a sum and a longest account, not a simulation of its
//     queue: it is said ten times a second, of a hundred thousand rows.
//   - A row that a person stops is ended as a run is stopped, at a message border,
//     and begins again: a row that slept with its connections open would hold
//     a server's places, and lose them.
//   - probe measures with a data plane of its own, the engine's without its care:
//     the engine's owns mail that must not be lost, and would bring ledger and
//     floors into what is thrown away. Each lane has its own mailbox: locks within
//     one would be measured instead of the server.
//   - A full link is told from a slow server by packets, not by rates: both pass
//     the same octets a second. By a full link they arrive one by one, while a
//     server has some ready now and then; and of what is sent TCP knows whether it
//     is under way or waits for the receiver to read. Where that may mean either
//     there is no verdict; a server that is blamed wrongly costs its administrator
//     a day.
//   - No TRYCREATE dance: mailboxes are made before anything is sent.
package pkg
