package main

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// setsid runs a command in a session of its own, as `setsid -w` does.
func setsid(args []string) error {
	if len(args) < 2 || args[0] != "-w" {
		return refused(args)
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Run()
}

// sleep takes seconds, or infinity.
func sleep(args []string) error {
	if slices.Equal(args, []string{"infinity"}) {
		time.Sleep(math.MaxInt64)
	}
	if len(args) != 1 {
		return refused(args)
	}
	pause, err := time.ParseDuration(args[0] + "s")
	if err != nil {
		return refused(args)
	}
	time.Sleep(pause)
	return nil
}
