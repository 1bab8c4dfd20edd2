"""Projects with settings of their own, for apps that we did not write. Each is tested by a pytest of its own, which
``tests.lethe.support.nested`` starts: settings are read once a process."""
