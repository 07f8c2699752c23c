package harness

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestReservePort_IsKeptForAProcessThatNamesIt(t *testing.T) {
	address, release, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	// Without SO_REUSEADDR the port is in use.
	anybody := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) { set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0) })
		return errors.Join(err, set)
	}}
	if l, err := anybody.Listen(context.Background(), "tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket without SO_REUSEADDR listens there: %v (%v), want that the address is in use", l, err)
	}
	for range 2 { // a process and its successor
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("a process that names the address cannot listen there: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	release()
	l, err := anybody.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
