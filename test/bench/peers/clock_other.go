//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNoClock = errors.New("the clocks of other processes are read on Linux only")

func cpu(int) (time.Duration, error) { return 0, errNoClock }

func memory(int) (now, peak int64, err error) { return 0, 0, errNoClock }

func children() (map[string]int, error) { return nil, errNoClock }

func machine() string { return "" }
