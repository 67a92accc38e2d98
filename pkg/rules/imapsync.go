package rules

// acceptedOptions are imapsync's options that ask for what is done here in any
// case, or for nothing that matters here.
func acceptedOptions() []*Option {
	var out []*Option
	accept := func(o Option, names ...string) {
		for _, name := range names {
			one := o
			one.Name, one.Group, one.Hidden, one.Usage = name, Modes, true, "imapsync's; nothing to do here"
			out = append(out, &one)
		}
	}
	anyWay := func(*Builder, bool) error { return nil }
	accept(Option{toggle: anyWay},
		// what is printed and kept
		"foldersizes", "foldersizesatend", "releasecheck", "modulesversion", "log", "loglogfile", "pidfilelocking", "errorsdump",
		"debug", "debuglist", "debugcontent", "debugflags", "debugimap", "debugimap1", "debugimap2", "debugmemory",
		"debugfolders", "debugenv", "debugsig", "debuglabels", "debugcache", "debugcrossduplicates", "tail", "dockercontext",
		// how messages are known again
		"usecache", "useuid", "cacheaftercopy", "addheader", "messageidnodomain", "wholeheaderifneeded", "allowsizemismatch",
		// looks that are made in any case, or never
		"checkselectable", "checkfoldersexist", "checkmessageexists", "checknoabletosearch", "keepalive1", "keepalive2", "trylogin",
		// flags that the destination does not take are left out
		"filterflags", "filterbuggyflags", "flagscase", "fixslash2", "fixInboxINBOX", "expungeaftereach",
	)
	accept(Option{Arg: "TEXT", value: func(*Builder, string) error { return nil }},
		"tmpdir", "pidfile", "logfile", "logdir", "debugssl", "maxsleep")
	return append(out, oneWay()...)
}

// oneWay are switches of which one position is what is done here, and the
// other is not there.
func oneWay() []*Option {
	var out []*Option
	only := func(is bool, why string, names ...string) {
		for _, name := range names {
			out = append(out, &Option{Name: name, Group: Modes, Hidden: true, Usage: "imapsync's; nothing to do here",
				toggle: func(_ *Builder, got bool) error {
					if got != is {
						return refusal(why)
					}
					return nil
				}})
		}
	}
	only(true, "dates at the server (INTERNALDATE) are always kept", "syncinternaldates")
	only(true, "flags are always copied with a message", "syncflagsaftercopy")
	only(true, "leave it out of the list and give the whole run --flags off", "resyncflags")
	only(true, "a second mailbox whose name differs in letter case only keeps a name of its own, and is reported", "mixfolders")
	only(false, "rights (ACLs) are not copied: set them at the destination", "syncacls")
	only(false, "labels are not copied: each is a mailbox, and its messages are copied into it", "synclabels", "resynclabels")
	only(false, noDelete, "delete1", "delete", "expunge", "expunge1", "expunge2", "uidexpunge2")
	only(false, "nothing is deleted but by --follow-deletes: messages that a run has copied and their user has deleted since", "delete2")
	only(false, noDelete, "delete2duplicates", "delete2folders")
	only(false, "authentication is PLAIN or LOGIN, over TLS", "authmd5", "authmd51", "authmd52")
	only(false, "what is in two mailboxes is copied into both", "skipcrossduplicates")
	only(false, "messages are never compared by size alone, and sizes that a server gets wrong are no obstacle: leave it out", "skipsize")
	return out
}

const noDelete = "nothing is deleted at the source, ever, nor expunged at the destination; --follow-deletes carries deletions from the source to the destination"

type refusal string

func (r refusal) Error() string { return string(r) }

// refusedName are options of imapsync that are not there, and flags that are not
// about a row.
type refusedName struct {
	why   string
	names []string
}

// refused says of each what to do instead.
func refused() []refusedName {
	const (
		inList   = "the list says that, in columns of its own"
		secret   = "a password has its column in the list, and stands nowhere else"
		messages = "messages are never changed or judged by their text: --repair changes what the destination refuses, --search and --max-size leave messages out"
		identity = "messages are told apart by their whole header, size, date and, where those tie, all octets: leave it out"
		buffers  = "buffers are --memory's, for the whole run: leave it out"
		preset   = "servers are asked what they can: leave it out, and give the host in the list"
		patience = "--patience of the run says how long to go on, and a silent server is noticed by itself: leave it out"
		alone    = "that is no part of a migration: leave it out"
		naming   = "prefix and delimiter are asked of the server (NAMESPACE, LIST): leave it out, or use --map or --regextrans2"
		rate     = "--limit of the run holds it to a rate, also by a timetable"
		oauth    = "OAuth2 is not there yet: use an app password"
		removing = "mailboxes are never deleted"
	)
	return []refusedName{
		{inList, []string{"host1", "host2", "user1", "user2"}},
		{secret, []string{"password1", "password2", "passfile1", "passfile2", "showpasswords"}},
		{oauth, []string{"oauthdirect1", "oauthdirect2", "oauthaccesstoken1", "oauthaccesstoken2", "oauthrefreshcmd1", "oauthrefreshcmd2"}},
		{"use --authuser1 or --authuser2: log in as an administrator and act as the row's user", []string{"proxyauth1", "proxyauth2", "domain1", "domain2"}},
		{"certificates are verified unless --insecure-skip-verify1 (or 2) says otherwise; --ca-file of the run trusts an authority of your own",
			[]string{"sslargs1", "sslargs2", "sslcheck", "ssl1_ssl_version", "ssl2_ssl_version"}},
		{"--compress of the run says when connections are compressed", []string{"compress1", "compress2"}},
		{"which family of addresses is the system's choice: give the host as an address", []string{"inet4", "ipv4", "inet6", "ipv6"}},
		{"the server is told the program's name (ID) where it asks for names: leave it out", []string{"id"}},
		{messages, []string{"regexmess", "skipmess", "pipemess", "pipemesscheck", "disarmreadreceipts", "truncmess",
			"maxlinelength", "fixcolonbug"}},
		{"flags are carried as they are, and those that the destination does not take are left out", []string{"regexflag"}},
		{identity, []string{"useheader", "skipheader", "fetch_hash_set"}},
		{buffers, []string{"buffersize", "fastio1", "fastio2", "split1", "split2", "memorystress"}},
		{preset, []string{"gmail1", "gmail2", "office1", "office2", "exchange1", "exchange2", "domino1", "domino2"}},
		{patience, []string{"timeout", "timeout1", "timeout2", "reconnectretry1", "reconnectretry2"}},
		{"--max-rejects of the run says when a row is given up", []string{"errorsmax"}},
		{rate, []string{"maxbytespersecond", "maxbytesafter", "maxmessagespersecond"}},
		{"a run is stopped by Ctrl-C and goes on when it is run again; " + rate, []string{"exitwhenover", "exitonload", "abort", "abortbyfile",
			"sigexit", "sigreconnect", "sigignore"}},
		{naming, []string{"sep1", "sep2", "prefix1", "prefix2", "sanitize", "create_folder_old"}},
		{"the order of mailboxes cannot be chosen: give --folder first, and run again without it", []string{"folderfirst", "folderlast"}},
		{removing, []string{"delete1emptyfolders", "delete2foldersonly", "delete2foldersbutnot"}},
		{"dates are kept as the source has them (INTERNALDATE)", []string{"idatefromheader"}},
		{"the destination's own limit is known from the server; --max-size leaves larger messages out", []string{"appendlimit"}},
		{"use --search, which is about the source: what is at the destination already is found whatever it is", []string{"search2"}},
		{"give one --map A=B for each", []string{"f1f2h"}},
		{"imapfleet check does it: sizes, names, what would go wrong", []string{"justfoldersizes", "justautomap", "justconnect", "justbanner", "justfolderlists"}},
		{"the source is never written to: --dry-run is about the destination", []string{"dry1"}},
		{alone, []string{"simulong", "debugsleep", "tests", "testsdebug", "testsunit", "testslive", "testslive2", "testslive6", "var", "extra",
			"emailreportfrom", "emailreport1", "emailreport2", "uid1", "uid2", "help", "version"}},
		{"it is about a whole run: give it to 'imapfleet run'", []string{"rows", "failed", "parallel", "max-per-host", "lanes-per-account", "allow-merge",
			"ca-file", "fault-rules", "flags", "accept", "retries", "patience", "max-rejects", "max-parked", "no-wait", "auth-fuse", "login-rate",
			"limit", "limit1", "limit2", "daily1", "daily2", "compress", "memory", "json", "quiet",
			"log-level", "state", "adopt"}},
	}
}
