package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is a process's CPU time in nanoseconds, including threads that have ended.
func cpu(pid int) (time.Duration, error) {
	const cpuclockSched = 2 // see clock_getcpuclockid(3): the id of another process's clock contains its pid
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|cpuclockSched, &at); err != nil {
		return 0, fmt.Errorf("the clock of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}

// memory is the current and the peak resident memory of a process, in bytes.
func memory(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64) // other lines are not numbers
		switch fields[0] {
		case "VmRSS:":
			now = n << 10
		case "VmHWM:":
			peak = n << 10
		}
	}
	return now, peak, nil
}

// children are the child processes by the name of their program.
func children() (map[string]int, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent
		before, after, _ := strings.Cut(string(text), ") ")
		pid, name, _ := strings.Cut(before, " (")
		if fields := strings.Fields(after); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			found[name], _ = strconv.Atoi(pid)
		}
	}
	return found, nil
}

// machine describes the machine.
func machine() string {
	model := "an unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo") // without it the processor is unknown
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d processors (%s), load %s at the start.\n", processors(), model, strings.Join(strings.Fields(string(load))[:1], ""))
}
