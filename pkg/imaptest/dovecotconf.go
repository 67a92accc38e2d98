package imaptest

import (
	"fmt"
	"slices"
	"strings"
)

// dovecotCaps is what Dovecot 2.3 offers after login when it hides nothing.
const dovecotCaps = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES " +
	"THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS " +
	"LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS " +
	"BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE"

// config returns the whole configuration file.
func (d *Dovecot) config() string {
	var b strings.Builder
	d.writeGlobal(&b)
	d.writeAuth(&b)
	d.writeServices(&b)
	d.writeNamespace(&b)
	d.writePlugins(&b)
	if len(d.opt.Hide) > 0 {
		all := strings.Fields(dovecotCaps)
		if d.opt.Compress {
			all = append(all, "COMPRESS=DEFLATE")
		}
		keep := slices.DeleteFunc(all, func(c string) bool {
			return slices.ContainsFunc(d.opt.Hide, func(h string) bool { return strings.EqualFold(h, c) })
		})
		fmt.Fprintf(&b, "imap_capability = %s\n", strings.Join(keep, " "))
	}
	b.WriteString(d.opt.Extra)
	b.WriteString("\n")
	return b.String()
}

func (d *Dovecot) writeGlobal(b *strings.Builder) {
	location := "sdbox:~/sdbox"
	if d.opt.Format == "maildir" {
		location = "maildir:~/Maildir"
		if d.opt.Separator == "/" {
			location += ":LAYOUT=fs"
		}
	}
	fmt.Fprintf(b, `base_dir = %[1]s/run
state_dir = %[1]s/state
instance_name = imaptest-%[2]d
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
mail_location = %[3]s
mail_fsync = %[4]s
mail_max_userip_connections = %[5]d
mail_privileged_group =
mail_uid = %[6]d
mail_gid = %[7]d
first_valid_uid = %[6]d
last_valid_uid = %[6]d
first_valid_gid = 0
disable_plaintext_auth = no
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
default_client_limit = 5000
default_process_limit = 1000
`, d.dir, d.port, location, d.opt.Fsync, d.opt.MaxConns, d.ids.uid, d.ids.gid)
	if !d.ids.root {
		fmt.Fprintf(b, "default_internal_user = %[1]s\ndefault_login_user = %[1]s\ndefault_internal_group = %[2]s\n",
			d.ids.user, d.ids.group)
	}
}

func (d *Dovecot) writeAuth(b *strings.Builder) {
	fmt.Fprintf(b, `auth_mechanisms = plain login
auth_master_user_separator = *
auth_failure_delay = 0
auth_username_format = %%u
passdb {
  driver = passwd-file
  args = %[1]s/masters
  master = yes
}
passdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users/%%u
}
userdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users/%%u
}
`, d.dir)
}

func (d *Dovecot) writeServices(b *strings.Builder) {
	chroot := ""
	if !d.ids.root {
		chroot = "  chroot =\n"
	}
	// All logins come from one address: without anvil's penalty a wrong
	// password slows the ones after it.
	fmt.Fprintf(b, `service anvil {
%[3]s  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
%[3]s  inet_listener imap {
    port = %[1]d
  }
  inet_listener imaps {
    port = %[2]d
    ssl = yes
  }
  service_count = 0
  process_min_avail = 1
  process_limit = 2
  client_limit = 3000
}
service imap {
  process_limit = 1000
}
`, d.port, d.tlsPort, chroot)
	if !d.ids.root {
		b.WriteString("service stats {\n  chroot =\n}\nservice auth {\n  user = $default_internal_user\n}\n")
	}
}

func (d *Dovecot) writeNamespace(b *strings.Builder) {
	fmt.Fprintf(b, "namespace inbox {\n  inbox = yes\n  separator = %s\n  prefix = %s\n", d.opt.Separator, d.opt.Prefix)
	if !d.opt.NoSpecialUse {
		for _, use := range []string{"Drafts", "Sent", "Trash", "Junk", "Archive"} {
			fmt.Fprintf(b, "  mailbox %s {\n    special_use = \\%s\n  }\n", use, use)
		}
	}
	b.WriteString("}\n")
}

func (d *Dovecot) writePlugins(b *strings.Builder) {
	var mail, imap []string
	if d.opt.Quota != "" {
		mail, imap = append(mail, "quota"), append(imap, "imap_quota")
		fmt.Fprintf(b, "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_grace = 0%%%%\n"+
			"  quota_rule = *:storage=%s\n}\n", d.opt.Quota)
	}
	if d.opt.Compress {
		mail, imap = append(mail, "zlib"), append(imap, "imap_zlib")
	}
	if len(d.opt.ReadOnly) > 0 {
		mail = append(mail, "acl")
		fmt.Fprintf(b, "plugin {\n  acl = vfile:%s\n}\n", d.path("acl"))
	}
	fmt.Fprintf(b, "mail_plugins = %s\n", strings.Join(mail, " "))
	fmt.Fprintf(b, "protocol imap {\n  mail_plugins = $mail_plugins %s\n}\n", strings.Join(imap, " "))
}
