package imaptest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// mailUID owns the mail where the tests run as root, which Dovecot refuses to
// serve mail as.
const mailUID = 5000

// mailOwner says who owns the mail of a server.
type mailOwner struct {
	uid, gid    int
	root        bool
	user, group string // of this process; used when it is not root
}

func mailIDs() mailOwner {
	if os.Getuid() == 0 {
		return mailOwner{uid: mailUID, gid: mailUID, root: true}
	}
	ids := mailOwner{uid: os.Getuid(), gid: os.Getgid()}
	ids.user, ids.group = fmt.Sprint(ids.uid), fmt.Sprint(ids.gid)
	if u, err := user.Current(); err == nil {
		ids.user = u.Username
	}
	if g, err := user.LookupGroupId(ids.group); err == nil {
		ids.group = g.Name
	}
	return ids
}

// own gives a path to the user that serves mail.
func (ids mailOwner) own(path string) error {
	if !ids.root {
		return nil
	}
	return os.Chown(path, ids.uid, ids.gid)
}

// namedOwner is mailIDs for a server that knows only users with a name.
func namedOwner() (mailOwner, error) {
	ids := mailIDs()
	if !ids.root {
		return ids, nil
	}
	u, err := user.Lookup("mail")
	if err != nil {
		return ids, err
	}
	if ids.uid, err = strconv.Atoi(u.Uid); err != nil {
		return ids, err
	}
	ids.gid, err = strconv.Atoi(u.Gid)
	return ids, err
}
