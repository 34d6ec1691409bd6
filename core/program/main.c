/* main.c - the program: everything it does is in the library. */
#include "program.h"

int
main(int argc, char **argv)
{
	return hm_main(argc, argv);
}
