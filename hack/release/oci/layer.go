// Package oci builds images without a container engine, writes them as OCI layouts, and pushes and pulls them.
package oci

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tree are files of an image by their path without a leading slash.
type tree map[string]File

// File is a file of an image.
type File struct {
	// Name is the path in the directory that COPY copies; it is not used for a single file.
	Name       string
	Content    []byte
	Executable bool
	// Link makes it a symbolic link to this path.
	Link string
}

func (f File) header(name string, created time.Time) *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(f.Content)), ModTime: created}
	if f.Executable {
		h.Mode = 0o755
	}
	if f.Link != "" {
		h.Typeflag, h.Linkname, h.Mode, h.Size = tar.TypeSymlink, f.Link, 0o777, 0
	}
	return h
}

// layer is a reproducible tar of the files: sorted by name, without owners, with the given time.
func (t tree) layer(created time.Time, withFolders bool) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	names := slices.Sorted(maps.Keys(t))
	if withFolders {
		for _, folder := range folders(names) {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: created}); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range names {
		if err := w.WriteHeader(t[name].header(name, created)); err != nil {
			return nil, err
		}
		if _, err := w.Write(t[name].Content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
}

// folders are the parent directories of the files, parents first.
func folders(names []string) []string {
	all := map[string]bool{}
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// fromDisk returns the files that COPY adds for a file or a directory.
func fromDisk(source, target string) (tree, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		raw, err := os.ReadFile(source)
		return tree{inImage(target, filepath.Base(source)): {Content: raw}}, err
	}
	t := tree{}
	err = fs.WalkDir(os.DirFS(source), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a file", name)
		}
		raw, err := os.ReadFile(filepath.Join(source, name))
		t[path.Join(strings.TrimPrefix(target, "/"), name)] = File{Content: raw}
		return err
	})
	return t, err
}

// inImage is the path in the image of a copied file.
func inImage(target, name string) string {
	if strings.HasSuffix(target, "/") {
		target = path.Join(target, name)
	}
	return strings.TrimPrefix(target, "/")
}
