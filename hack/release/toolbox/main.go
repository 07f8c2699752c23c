// Command toolbox is the few programs with which `oc adm must-gather` runs a gather image and copies from it: a shell, tar, and what its
// script calls. It is all of them under their names, as links, so that an image from scratch needs no distribution. It is in the image
// for support cases alone, and never in the operator's.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"mvdan.cc/sh/v3/interp"
)

// programs are those that the image links to; each gets its arguments.
var programs = map[string]func(args []string) error{
	"awk":    awk,
	"bash":   shell,
	"df":     df,
	"sed":    sed,
	"setsid": setsid,
	"sh":     shell,
	"sleep":  sleep,
	"sync":   flush,
	"tar":    archive,
}

func main() {
	name := filepath.Base(os.Args[0])
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s is not among the programs of this image\n", name)
		os.Exit(127)
	}
	os.Exit(code(name, program(os.Args[1:])))
}

// code is the exit status for an error, which is printed unless a program that was started has done so.
func code(name string, err error) int {
	if status, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(status)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// refused is the error for what oc does not use, and these programs therefore do not know.
func refused(args []string) error {
	return fmt.Errorf("%q is more than the program in this image knows, which is what oc adm must-gather uses", args)
}
