// Package diagnosis says what keeps a run from being faster. Judge is its main
// function: from Evidence to a throughput.Bottleneck, without looking at
// anything itself. Watch collects what the connections tell of the hosts,
// ReadMachine what the operating system tells of this machine, and Between
// makes evidence of two readings.
//
// It would rather say nothing than name a server that is not at fault: where
// the figures point nowhere, or two ways, there is no verdict.
package diagnosis
