//go:build !linux

package harness

import "net"

// reservePort finds an address of this machine on which nobody listens. Unlike on Linux, others may take it.
func reservePort() (address string, release func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return listener.Addr().String(), func() {}, listener.Close()
}
