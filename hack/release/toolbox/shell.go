package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell runs `-c SCRIPT`, or the script on its standard input.
func shell(args []string) error {
	var script io.Reader = os.Stdin
	switch {
	case len(args) == 2 && args[0] == "-c":
		script = strings.NewReader(args[1])
	case len(args) > 0:
		return refused(args)
	}
	program, err := syntax.NewParser().Parse(script, "")
	if err != nil {
		return err
	}
	runner, err := interp.New(interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.CallHandler(kill))
	if err != nil {
		return err
	}
	return runner.Run(context.Background(), program)
}

// kill adds `kill 0`, which ends the whole group of processes: the interpreter has no kill of its own.
func kill(_ context.Context, args []string) ([]string, error) {
	if !slices.Equal(args, []string{"kill", "0"}) {
		return args, nil
	}
	return []string{"true"}, syscall.Kill(0, syscall.SIGTERM)
}
