package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Program is a process of the control plane.
type Program string

const (
	Etcd      Program = "etcd"
	APIServer Program = "kube-apiserver"
)

// Pause makes a program stand still: it keeps its connections, and answers nothing.
func (cp *ControlPlane) Pause(p Program) error { return cp.line.signal(string(p), syscall.SIGSTOP) }

// Resume ends Pause.
func (cp *ControlPlane) Resume(p Program) error { return cp.line.signal(string(p), syscall.SIGCONT) }

// Kill ends a program with SIGKILL, and returns once nobody listens in its place. Restart starts it again.
func (cp *ControlPlane) Kill(ctx context.Context, p Program) error {
	if err := cp.line.signal(string(p), syscall.SIGKILL); err != nil {
		return err
	}
	return WaitFor(ctx, func(context.Context) error {
		conn, err := net.Dial("tcp", cp.address(p))
		if err != nil {
			return nil //nolint:nilerr // it was waited for
		}
		return errors.Join(fmt.Errorf("%s still listens", p), conn.Close())
	})
}

// Restart starts a program that was killed, with its former data and at its former address, and returns once it is healthy.
func (cp *ControlPlane) Restart(p Program) error {
	if p == Etcd {
		return cp.env.ControlPlane.Etcd.Start()
	}
	return cp.env.ControlPlane.APIServer.Start()
}

func (cp *ControlPlane) address(p Program) string {
	if p == Etcd {
		return cp.env.ControlPlane.Etcd.URL.Host
	}
	serving := cp.env.ControlPlane.APIServer.SecureServing
	return net.JoinHostPort(serving.Address, serving.Port)
}

// Snapshot copies etcd's data as they are at this moment.
func (cp *ControlPlane) Snapshot() (*Snapshot, error) {
	dir, err := os.MkdirTemp(cp.line.dir, "snapshot-")
	if err != nil {
		return nil, err
	}
	s := &Snapshot{cp: cp, dir: dir}
	if err := cp.Pause(Etcd); err != nil {
		return nil, err
	}
	return s, errors.Join(copyTree(s.dir, cp.env.ControlPlane.Etcd.DataDir), cp.Resume(Etcd))
}

// Snapshot is what etcd knew at a moment.
type Snapshot struct {
	cp  *ControlPlane
	dir string
}

// Restore takes the control plane back to the snapshot, as the disaster recovery of a cluster does: resource versions are older than some that
// clients have seen, and are given away a second time.
func (s *Snapshot) Restore(ctx context.Context) error {
	for _, p := range []Program{APIServer, Etcd} {
		if err := s.cp.Kill(ctx, p); err != nil {
			return err
		}
	}
	data := s.cp.env.ControlPlane.Etcd.DataDir
	if err := os.RemoveAll(filepath.Join(data, "member")); err != nil {
		return err
	}
	return errors.Join(copyTree(data, s.dir), s.cp.Restart(Etcd), s.cp.Restart(APIServer))
}

// copyTree copies the files of one directory into another one that exists.
func copyTree(to, from string) error { return os.CopyFS(to, os.DirFS(from)) }
