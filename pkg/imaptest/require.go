package imaptest

import (
	"os"
	"slices"
	"strings"
)

// RequireServers is the environment variable that names, separated by commas,
// the real servers without which a test must fail instead of being skipped.
const RequireServers = "IMAPFLEET_REQUIRE_SERVERS"

// Missing ends a test for which a real server is not there: it skips, or
// fails when [RequireServers] names the server.
func Missing(tb TB, server string, why error) {
	tb.Helper()
	required := strings.FieldsFunc(os.Getenv(RequireServers), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, server) {
		tb.Fatalf("%s is required by %s, but: %v", server, RequireServers, why)
	}
	tb.Skipf("no %s here: %v", server, why)
}
