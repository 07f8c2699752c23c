package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
)

// archive writes a directory to the standard output, as `tar -C DIRECTORY -c .` does.
func archive(args []string) error {
	if slices.Equal(args, []string{"--version"}) {
		fmt.Println("tar of the toolbox: -C DIRECTORY -c .")
		return nil
	}
	if len(args) != 4 || args[0] != "-C" || args[2] != "-c" || args[3] != "." {
		return refused(args)
	}
	w := tar.NewWriter(os.Stdout)
	return errors.Join(w.AddFS(os.DirFS(args[1])), w.Close())
}

// df prints the size and use of the file system of a directory in the form of POSIX, in blocks of 1,024 bytes.
func df(args []string) error {
	if len(args) != 2 || args[0] != "-P" {
		return refused(args)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(args[1], &s); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	block := uint64(s.Bsize) // its type differs between platforms
	used, free := s.Blocks-s.Bfree, s.Bavail
	fmt.Println("Filesystem 1024-blocks Used Available Capacity Mounted on")
	fmt.Printf("- %d %d %d %d%% %s\n", s.Blocks*block/1024, used*block/1024, free*block/1024, percentage(used, free), args[1])
	return nil
}

// percentage is rounded up, as POSIX wants it.
func percentage(used, free uint64) uint64 {
	if used+free == 0 {
		return 0
	}
	return (used*100 + used + free - 1) / (used + free)
}

func flush([]string) error {
	syscall.Sync()
	return nil
}
