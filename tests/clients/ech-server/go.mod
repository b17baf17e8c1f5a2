module pasarela/tests/clients/ech-server

go 1.26
