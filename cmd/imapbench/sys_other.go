//go:build !unix

package main

import "os"

// peakRSS returns the octets that an ended process had resident at most; 0:
// unknown.
func peakRSS(*os.ProcessState) int64 { return 0 }

// cpuTime returns the seconds of CPU that this process has used; 0: unknown.
func cpuTime() float64 { return 0 }

func syncDisks() {}
