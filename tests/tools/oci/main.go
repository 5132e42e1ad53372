// Command oci-witness reads an OCI image layout with a library that knows nothing of the program that wrote it:
// oci-witness LAYOUT FOLDER. It checks every digest, size and media type, unpacks the one image into FOLDER, and prints
// the image's configuration as JSON.
package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: oci-witness LAYOUT FOLDER"))
	}
	image, err := only(os.Args[1])
	if err != nil {
		fail(err)
	}
	if err := validate.Image(image); err != nil {
		fail(err)
	}
	if err := unpack(image, os.Args[2]); err != nil {
		fail(err)
	}
	configuration, err := image.RawConfigFile()
	if err != nil {
		fail(err)
	}
	fmt.Println(string(configuration))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "oci-witness:", err)
	os.Exit(1)
}

// only returns the image of a layout that holds exactly one.
func only(path string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, err
	}
	if err := validate.Index(index); err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if count := len(manifest.Manifests); count != 1 {
		return nil, fmt.Errorf("%d images, not 1", count)
	}
	return index.Image(manifest.Manifests[0].Digest)
}

// unpack writes the files of all layers, one over the other, as a container runtime would.
func unpack(image v1.Image, folder string) error {
	stream := mutate.Extract(image)
	defer stream.Close()
	reader := tar.NewReader(stream)
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("%q leads out of the image", entry.Name)
		}
		if err := place(reader, entry, folder); err != nil {
			return err
		}
	}
}

func place(content io.Reader, entry *tar.Header, folder string) error {
	path := filepath.Join(folder, entry.Name)
	mode := entry.FileInfo().Mode()
	switch entry.Typeflag {
	case tar.TypeDir:
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	case tar.TypeLink:
		return os.Link(filepath.Join(folder, entry.Linkname), path)
	case tar.TypeReg:
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm())
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			return err
		}
		return file.Close()
	default:
		return fmt.Errorf("%s: an entry of type %q", entry.Name, entry.Typeflag)
	}
}
