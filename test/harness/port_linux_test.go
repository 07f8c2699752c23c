package harness

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestReservePort_IsKeptForWhoeverNamesIt(t *testing.T) {
	address, release, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	// Whoever takes any free port gets none that a socket without SO_REUSEADDR could not have.
	anybody := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) { set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0) })
		return errors.Join(err, set)
	}}
	if l, err := anybody.Listen(context.Background(), "tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody else listens there: %v (%v), want that the address is in use", l, err)
	}
	for range 2 { // a process, and the one after it
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("who names the address cannot listen there: %v", err)
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
