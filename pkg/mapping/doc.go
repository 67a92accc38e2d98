// Package mapping decides which mailboxes of a source account are migrated and
// what each is called at the destination. Build is its main function. It is
// pure: it takes what both sides list, what the user wants (rules.Rules) and
// what earlier passes chose, and opens no connection.
//
// The order of what decides about a name:
//
//  1. what an earlier pass chose, once a message was copied there;
//  2. --map, which names one mailbox;
//  3. special use (RFC 6154), by attribute, then by name; not with
//     --subfolder2, which takes everything below one mailbox;
//  4. the name itself: without --subfolder1, in the destination's prefix and
//     delimiter, below --subfolder2, rewritten by --regextrans2;
//  5. what the destination can hold: characters that it refuses give way;
//  6. where two mailboxes meet although no rule wants that, the second one gets
//     a suffix: --map wants it, and a --regextrans2 that makes one name of two
//     does, but not one after which only the destination takes two for one.
//
// Children follow a parent that got another name by 3, 5 or 6. Nothing depends
// on what the destination holds, but for special use and spelling: with the
// ledger lost, everything goes where it went.
package mapping
